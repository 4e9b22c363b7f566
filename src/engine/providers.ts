/** What lowering and running must know of an execution provider of ONNX Runtime. */
export interface Provider {
  readonly name: 'cpu' | 'webgpu' | 'cuda';
  /** Where state lives between runs. Only WebGPU hands out tensors of the device's memory to JavaScript. */
  readonly stateLocation: 'cpu' | 'gpu-buffer';
  /**
   * What it computes in float32 between casts where a graph says float16 or bfloat16. WebGPU sums the terms of a product in
   * its type: of 8192 terms near one, in float16, it loses two thirds. The CPU computes next to nothing in these types.
   */
  readonly widens: 'nothing' | 'products' | 'everything';
  /**
   * Operators that it has no kernel for and that are composed of others instead; what else it lacks the CPU computes. WebGPU's
   * ConvTranspose is wrong where groups have several inputs and one output.
   */
  readonly lacks: ReadonlySet<'FusedMatMul' | 'Or' | 'IsNaN' | 'GroupedConvTranspose'>;
  /** Most outputs of one Split. WebGPU guarantees eight buffers to a shader, and one is the input's. */
  readonly splitOutputs: number;
  /** Whether it may have operators on images in blocks of channels; what it has depends on the processor. */
  readonly blocksChannels: boolean;
  /** Whether it takes tensors without elements. */
  readonly takesEmpty: boolean;
}

export type ProviderName = Provider['name'];

const complete = {
  lacks: new Set<never>(),
  blocksChannels: false,
  splitOutputs: Number.POSITIVE_INFINITY,
  takesEmpty: true,
};

export const providers: { readonly [Name in ProviderName]: Provider } = {
  cpu: { name: 'cpu', stateLocation: 'cpu', widens: 'everything', ...complete, blocksChannels: true },
  webgpu: {
    name: 'webgpu',
    stateLocation: 'gpu-buffer',
    widens: 'products',
    lacks: new Set(['FusedMatMul', 'Or', 'IsNaN', 'GroupedConvTranspose']),
    splitOutputs: 7,
    blocksChannels: false,
    takesEmpty: false,
  },
  cuda: { name: 'cuda', stateLocation: 'cpu', widens: 'nothing', ...complete },
};
