import * as tf from '@tensorflow/tfjs-core';
import { IncubateError } from '../util/errors.ts';
import { drawingOperation } from './draws.ts';
import type { Attributes, Value, ValueType } from './graph.ts';
import { Recorder } from './recorder.ts';
import { type ConstantData, registerSymbolicBackend, SymbolicBackend } from './symbolic-backend.ts';

/** Name of the tfjs backend that records programs. */
export const TRACE_BACKEND = 'incubate-trace';

/** Records a program: behind its tensors stand values of the graph that grows in the recorder. */
class TraceBackend extends SymbolicBackend<Value> {
  recorder = new Recorder();
  asynchronousRead: IncubateError | undefined;

  /** Tensors of other traces are from elsewhere, too. */
  override has(symbol: Value): boolean {
    return this.recorder.owns(symbol);
  }
  override record(kernel: string, inputs: readonly Value[], attributes: Attributes): readonly Value[] {
    return this.recorder.record(kernel, inputs, attributes);
  }
  override constant(data: ConstantData, dtype: ValueType, shape: readonly number[]): Value {
    refuseDraws();
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
  registered = new TraceBackend();
  registerSymbolicBackend(TRACE_BACKEND, registered);
  return registered;
}
