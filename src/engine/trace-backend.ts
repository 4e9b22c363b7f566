import * as tf from '@tensorflow/tfjs-core';
import { IncubateError } from '../util/errors.ts';
import { compositions } from './compositions/table.ts';
import { drawingOperation } from './draws.ts';
import type { Attributes, Value, ValueType } from './graph.ts';
import { kernels } from './kernels/table.ts';
import { Recorder } from './recorder.ts';

/** Name of the tfjs backend whose kernels record instead of computing. */
export const TRACE_BACKEND = 'incubate-trace';

/** Kernels that are traced as constants, or as their input. */
export const constantKernels = ['Identity', 'ZerosLike', 'OnesLike', 'Fill', 'Range'] as const;

/** What stands behind the tensors of the trace backend: values of the graph that is being recorded. */
class TraceBackend extends tf.KernelBackend {
  recorder = new Recorder();
  asynchronousRead: IncubateError | undefined;
  #values = new WeakMap<object, Value>();
  #count = 0;

  valueBehind(dataId: object): Value {
    const value = this.#values.get(dataId);
    if (value && this.recorder.owns(value)) return value;
    throw new IncubateError('ENGINE_TENSOR', 'a program used a tensor that was not made within it', {
      hint: 'Programs depend on their arguments alone: pass the tensor as state or feed, or make it inside the body.',
    });
  }

  wrap(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    this.#count += 1;
    return { dataId, shape: [...value.shape], dtype: value.dtype as tf.DataType };
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    const typed = values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array;
    if (!typed || !(dtype === 'float32' || dtype === 'int32' || dtype === 'bool')) {
      throw new IncubateError('ENGINE_DTYPE', `programs cannot hold tensors of type ${dtype}`);
    }
    refuseDraws();
    return this.wrap(this.recorder.constant(values, dtype, shape)).dataId;
  }

  override readSync(): never {
    throw dataRead();
  }
  /** Whoever waits for the data would learn of an error only after tracing: it is kept for then, and the wait never ends. */
  override read(): Promise<tf.backend_util.BackendValues> {
    this.asynchronousRead ??= dataRead();
    return new Promise(() => {});
  }
  override numDataIds(): number {
    return this.#count;
  }
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {}
  override refCount(): number {
    return 1;
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

function dataRead(): IncubateError {
  return new IncubateError('ENGINE_DATA_READ', 'a program read the data of a tensor', {
    hint: 'A program is traced once and must not depend on values: express the decision with tensor operations.',
  });
}

/** Throws ENGINE_RANDOM for a constant of random numbers. */
function refuseDraws(): void {
  const operation = drawingOperation();
  if (operation === undefined) return;
  throw new IncubateError('ENGINE_RANDOM', `a program drew random numbers by ${operation}`, {
    hint: 'A program is traced once, so they would be the same in every run: draw them before, and pass them as a feed.',
  });
}

/**
 * The innermost place of a stack outside tfjs and the engine, and the operation that was called there, for messages:
 * ` (tf.add, at block (…/forward.ts:12:3))`, or ''.
 */
export function userFrame(stack = ''): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const own = frames.findIndex((line) => !/@tensorflow|src[\\/]engine[\\/]|node:|\(<anonymous>\)/.test(line));
  if (own < 0) return '';
  const called = frames.slice(0, own).findLast((line) => line.includes(tf.OP_SCOPE_SUFFIX));
  const [, operation] = /(\w+)__op/.exec(called ?? '') ?? [];
  return ` (${operation === undefined ? '' : `tf.${operation}, `}${(frames[own] as string).trim()})`;
}

let registered: TraceBackend | undefined;

/** The backend, registered with tfjs on first use. */
export function traceBackend(): TraceBackend {
  if (registered) return registered;
  const backend = new TraceBackend();
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: TRACE_BACKEND,
      kernelFunc({ inputs, attrs }) {
        const tensors = kernel.inputs === 'list' ? Object.values(inputs) : kernel.inputs.map((name) => inputs[name]);
        const values = (tensors as tf.TensorInfo[]).map(({ dataId }) => backend.valueBehind(dataId));
        const outputs = backend.recorder
          .record(kernelName, values, (attrs ?? {}) as Attributes)
          .map((value) => backend.wrap(value));
        return outputs.length === 1 && kernel.outputs !== 'list' ? (outputs[0] as tf.TensorInfo) : outputs;
      },
    });
  }
  for (const [kernelName, compose] of Object.entries(compositions)) {
    tf.registerKernel({
      kernelName,
      backendName: TRACE_BACKEND,
      kernelFunc: ({ inputs, attrs }) => compose(inputs as tf.NamedTensorMap, (attrs ?? {}) as Attributes),
    });
  }
  for (const kernelName of constantKernels) {
    tf.registerKernel({
      kernelName,
      backendName: TRACE_BACKEND,
      kernelFunc: ({ inputs, attrs }) =>
        backend.wrap(makeConstant(backend, kernelName, inputs, (attrs ?? {}) as Attributes)),
    });
  }
  tf.registerBackend(TRACE_BACKEND, () => backend, 0);
  registered = backend;
  return backend;
}

function makeConstant(
  backend: TraceBackend,
  kernel: string,
  inputs: tf.NamedTensorInfoMap,
  attributes: Attributes,
): Value {
  const { recorder } = backend;
  if (kernel === 'Fill') {
    const { shape, value, dtype } = attributes as { shape: number[]; value: number; dtype?: ValueType };
    return recorder.splat(value, dtype ?? 'float32', shape);
  }
  if (kernel === 'Range') {
    const { start, stop, step, dtype } = attributes as { start: number; stop: number; step: number; dtype: ValueType };
    const length = Math.max(0, Math.ceil((stop - start) / step));
    const numbers = Array.from({ length }, (_, index) => start + index * step);
    return recorder.constant(dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers), dtype, [
      length,
    ]);
  }
  const x = backend.valueBehind((inputs.x as tf.TensorInfo).dataId);
  return kernel === 'Identity' ? x : recorder.splat(kernel === 'OnesLike' ? 1 : 0, x.dtype, x.shape);
}
