/** Element types that host tensors, files and engines exchange. */
export type DType = 'float32' | 'int32' | 'uint8';

interface ArrayOf {
  float32: Float32Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

/** A dense row-major tensor in ordinary memory. */
export type HostTensor<T extends DType = DType> = {
  [D in T]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: ArrayOf[D] };
}[T];

export type HostTensors = Readonly<Record<string, HostTensor>>;

export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function float32(data: Float32Array, shape: readonly number[] = [data.length]): HostTensor<'float32'> {
  return { dtype: 'float32', shape, data };
}

export function int32(data: Int32Array, shape: readonly number[] = [data.length]): HostTensor<'int32'> {
  return { dtype: 'int32', shape, data };
}

export function uint8(data: Uint8Array, shape: readonly number[] = [data.length]): HostTensor<'uint8'> {
  return { dtype: 'uint8', shape, data };
}

/** The tensor's bytes without copying, in the machine's byte order. */
export function bytesOf(tensor: HostTensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}
