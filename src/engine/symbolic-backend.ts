import * as tf from '@tensorflow/tfjs-core';
import { IncubateError } from '../util/errors.ts';
import { compositions } from './compositions/table.ts';
import type { Attributes, ValueType } from './graph.ts';
import { kernels } from './kernels/table.ts';

/** Kernels that are recorded as constants. */
export const constantKernels = ['ZerosLike', 'OnesLike', 'Fill', 'Range'] as const;

export type ConstantData = Float32Array | Int32Array | Uint8Array;

/** What a symbol stands for. */
interface Described {
  readonly dtype: ValueType;
  readonly shape: readonly number[];
}

/**
 * A tfjs backend whose kernels compute nothing: they record what is to be computed as symbols, which stand behind the
 * tensors.
 */
export abstract class SymbolicBackend<Symbol extends Described> extends tf.KernelBackend {
  readonly #symbols = new WeakMap<object, Symbol>();
  readonly #references = new Map<object, number>();

  /** The results of a kernel of `kernels/`. */
  abstract record(kernel: string, inputs: readonly Symbol[], attributes: Attributes): readonly Symbol[];
  abstract constant(data: ConstantData, dtype: ValueType, shape: readonly number[]): Symbol;
  /** A constant whose elements are all the same. */
  abstract splat(element: number, dtype: ValueType, shape: readonly number[]): Symbol;

  /** Whether a symbol is one of what is being recorded. */
  has(_symbol: Symbol): boolean {
    return true;
  }

  symbolOf(dataId: object): Symbol {
    const symbol = this.#symbols.get(dataId);
    if (symbol && this.has(symbol)) return symbol;
    throw new IncubateError('ENGINE_TENSOR', 'a program used a tensor that was not made within it', {
      hint: 'Programs depend on their arguments alone: pass the tensor as state or feed, or make it inside the body.',
    });
  }

  wrap(symbol: Symbol): tf.TensorInfo {
    const dataId = {};
    this.#symbols.set(dataId, symbol);
    this.#references.set(dataId, 1);
    return { dataId, shape: [...symbol.shape], dtype: symbol.dtype as tf.DataType };
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    return this.wrap(this.constant(values as ConstantData, knownType(dtype), shape)).dataId;
  }

  override numDataIds(): number {
    return this.#references.size;
  }
  override refCount(dataId: object): number {
    return this.#references.get(dataId) ?? 0;
  }
  override incRef(dataId: object): void {
    this.#references.set(dataId, this.refCount(dataId) + 1);
  }
  /** @returns whether nothing refers to the data any longer */
  override disposeData(dataId: object, force = false): boolean {
    const references = this.refCount(dataId) - 1;
    if (references > 0 && !force) this.#references.set(dataId, references);
    else this.#references.delete(dataId);
    return references <= 0 || force;
  }
  override memory() {
    return { unreliable: true };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override dispose(): void {}
}

/** Makes a backend known to tfjs, with all kernels that can be recorded. */
export function registerSymbolicBackend<Symbol extends Described>(
  backendName: string,
  backend: SymbolicBackend<Symbol>,
): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc({ inputs, attrs }) {
        const tensors = kernel.inputs === 'list' ? Object.values(inputs) : kernel.inputs.map((name) => inputs[name]);
        const symbols = (tensors as tf.TensorInfo[]).map(({ dataId }) => backend.symbolOf(dataId));
        const outputs = backend
          .record(kernelName, symbols, (attrs ?? {}) as Attributes)
          .map((symbol) => backend.wrap(symbol));
        return outputs.length === 1 && kernel.outputs !== 'list' ? (outputs[0] as tf.TensorInfo) : outputs;
      },
    });
  }
  for (const [kernelName, compose] of Object.entries(compositions)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => compose(inputs as tf.NamedTensorMap, (attrs ?? {}) as Attributes)),
    });
  }
  for (const kernelName of constantKernels) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        backend.wrap(makeConstant(backend, kernelName, inputs, (attrs ?? {}) as Attributes)),
    });
  }
  tf.registerKernel({
    kernelName: 'Identity',
    backendName,
    kernelFunc({ inputs }) {
      const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
      backend.incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
  tf.registerBackend(backendName, () => backend, 0);
}

function makeConstant<Symbol extends Described>(
  backend: SymbolicBackend<Symbol>,
  kernel: string,
  inputs: tf.NamedTensorInfoMap,
  attributes: Attributes,
): Symbol {
  if (kernel === 'Fill') {
    const { shape, value, dtype } = attributes as { shape: number[]; value: number; dtype?: tf.DataType };
    return backend.splat(value, knownType(dtype ?? 'float32'), shape);
  }
  if (kernel === 'Range') {
    const { start, stop, dtype, ...given } = attributes as Record<'start' | 'stop' | 'step', number> & {
      dtype: 'float32' | 'int32';
    };
    // A step that nobody gave leads to the stop.
    const step = given.step === 1 && stop < start ? -1 : given.step;
    const length = Math.max(0, Math.ceil((stop - start) / step));
    const numbers = Array.from({ length }, (_, index) => start + index * step);
    return backend.constant(dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers), dtype, [length]);
  }
  const x = backend.symbolOf((inputs.x as tf.TensorInfo).dataId);
  return backend.splat(kernel === 'OnesLike' ? 1 : 0, x.dtype, x.shape);
}

function knownType(dtype: tf.DataType): ValueType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new IncubateError('ENGINE_DTYPE', `programs cannot hold tensors of type ${dtype}`);
}
