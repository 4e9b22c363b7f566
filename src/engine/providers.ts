/** What lowering and running must know of an execution provider of ONNX Runtime. */
export interface Provider {
  readonly name: 'cpu' | 'webgpu' | 'cuda';
  /** Where state lives between runs. Only WebGPU hands out tensors of the device's memory to JavaScript. */
  readonly stateLocation: 'cpu' | 'gpu-buffer';
  /** Whether it multiplies transposed operands itself (com.microsoft.FusedMatMul). */
  readonly fusedMatMul: boolean;
  /** Most outputs of one Split. WebGPU guarantees eight buffers to a shader, and one is the input's. */
  readonly splitOutputs: number;
}

export type ProviderName = Provider['name'];

export const providers: { readonly [Name in ProviderName]: Provider } = {
  cpu: { name: 'cpu', stateLocation: 'cpu', fusedMatMul: true, splitOutputs: Number.POSITIVE_INFINITY },
  webgpu: { name: 'webgpu', stateLocation: 'gpu-buffer', fusedMatMul: false, splitOutputs: 7 },
  cuda: { name: 'cuda', stateLocation: 'cpu', fusedMatMul: true, splitOutputs: Number.POSITIVE_INFINITY },
};
