import type * as tf from '@tensorflow/tfjs-core';
import { IncubateError } from '../util/errors.ts';
import type { Attributes, Value, ValueType } from './graph.ts';
import { Recorder } from './recorder.ts';
import { type ConstantData, registerSymbolicBackend, SymbolicBackend } from './symbolic-backend.ts';

/** Name of the tfjs backend that records programs. */
export const TRACE_BACKEND = 'incubate-trace';

/** Records a program: behind its tensors stand values of the graph that grows in the recorder. */
class TraceBackend extends SymbolicBackend<Value> {
  recorder = new Recorder();
  asynchronousRead: IncubateError | undefined;

  override record(kernel: string, inputs: readonly Value[], attributes: Attributes): readonly Value[] {
    return this.recorder.record(kernel, inputs, attributes);
  }
  override constant(data: ConstantData, dtype: ValueType, shape: readonly number[]): Value {
    return this.recorder.constant(data, dtype, shape);
  }
  override splat(element: number, dtype: ValueType, shape: readonly number[]): Value {
    return this.recorder.splat(element, dtype, shape);
  }
  override readSync(): never {
    throw dataRead();
  }
  /** Whoever waits for the data would learn of an error only after tracing: it is kept for then, and the wait never ends. */
  override read(): Promise<tf.backend_util.BackendValues> {
    this.asynchronousRead ??= dataRead();
    return new Promise(() => {});
  }
}

function dataRead(): IncubateError {
  return new IncubateError('ENGINE_DATA_READ', `a program read the data of a tensor${userFrame(new Error().stack)}`, {
    hint: 'A program is traced once and must not depend on values: express the decision with tensor operations.',
  });
}

/** The innermost place of a stack outside tfjs and the engine, for messages: ` (at block (…/forward.ts:12:3))`, or ''. */
export function userFrame(stack = ''): string {
  const frame = stack
    .split('\n')
    .find((line) => /^\s+at /.test(line) && !/tfjs-core|src[\\/]engine[\\/]|node:/.test(line));
  return frame ? ` (${frame.trim()})` : '';
}

let registered: TraceBackend | undefined;

/** The backend, registered with tfjs on first use. */
export function traceBackend(): TraceBackend {
  if (registered) return registered;
  registered = new TraceBackend();
  registerSymbolicBackend(TRACE_BACKEND, registered);
  return registered;
}
