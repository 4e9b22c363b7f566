import * as tf from '@tensorflow/tfjs-core';
import './gradients.ts';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { TensorSpec } from '../util/tensor.ts';
import { type Graph, liveNodes, sameShape, type Value } from './graph.ts';
import { refused } from './kernels/refused.ts';
import type { Program, Specs, Tensors } from './program.ts';
import { Recorder } from './recorder.ts';
import { inPrecision } from './rewrites/autocast.ts';
import { TRACE_BACKEND, traceBackend, userFrame } from './trace-backend.ts';

/** The graph of a program in the precision that it asks for, as ONNX Runtime computes it; throws as `traceFloat32`. */
export function traceProgram(program: Program): Graph {
  return inPrecision(traceFloat32(program), program.precision);
}

/**
 * Runs a program's body once with symbolic tensors and returns what it did as a graph, without dead code.
 *
 * @throws ENGINE_KERNEL for an operation that cannot be traced, ENGINE_DATA_READ where the body reads values,
 *   ENGINE_TENSOR where it uses tensors from elsewhere, ENGINE_RANDOM where it draws numbers, ENGINE_DTYPE for texts and
 *   complex numbers, ENGINE_SHAPE where shapes do not fit, ENGINE_CONSTANT where a constant is NaN.
 */
export function traceFloat32(program: Program): Graph {
  const backend = traceBackend();
  const previous = tf.getBackend();
  const recorder = new Recorder();
  backend.recorder = recorder;
  backend.asynchronousRead = undefined;
  const { stackTraceLimit } = Error;
  // Far enough to reach the program's own code through tfjs.
  Error.stackTraceLimit = 100;
  try {
    tf.setBackend(TRACE_BACKEND);
    const symbols = (kind: string, specs: Specs) =>
      new Map(
        Object.entries(specs).map(([name, spec]) => {
          const value = symbol(recorder, spec);
          recorder.names.set(value.id, `the ${kind} '${name}'`);
          return [name, value];
        }),
      );
    const state = symbols('state', program.state);
    const feeds = symbols('feed', program.feeds);
    const results = { nextState: new Map<string, Value>(), outputs: new Map<string, Value>() };
    tf.tidy(() => {
      const tensors = (values: Map<string, Value>): Tensors =>
        Object.fromEntries(
          [...values].map(([name, value]) => {
            const { dataId, shape, dtype } = backend.wrap(value);
            return [name, tf.engine().makeTensorFromDataId(dataId, shape, dtype, backend)];
          }),
        );
      const result = program.body(tensors(state), tensors(feeds));
      if (backend.asynchronousRead) throw backend.asynchronousRead;
      for (const [name, tensor] of Object.entries(result.state)) {
        const value = backend.symbolOf(tensor.dataId);
        checkState(program, name, value);
        results.nextState.set(name, value);
      }
      for (const [name, tensor] of Object.entries(result.outputs))
        results.outputs.set(name, backend.symbolOf(tensor.dataId));
    });
    const live = liveNodes(results, recorder.nodes);
    const used = new Set([
      ...live.flatMap(({ inputs }) => inputs),
      ...results.nextState.values(),
      ...results.outputs.values(),
    ]);
    refuseNotNumbers(program, recorder, [...used, ...live.flatMap(({ outputs }) => outputs)]);
    const constants = new Map([...recorder.constants].filter(([, { value }]) => used.has(value)));
    return { name: program.name, state, feeds, constants, nodes: live, ...results };
  } catch (error) {
    throw explained(program.name, error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    restoreBackend(previous);
    backend.recorder = new Recorder();
  }
}

/** Leaves no symbolic backend behind for code that computes; where none was active, tfjs' own if it is there. */
function restoreBackend(previous: string | undefined): void {
  if (previous && previous !== TRACE_BACKEND) tf.setBackend(previous);
  else if (tf.findBackendFactory('cpu')) tf.setBackend('cpu');
}

/** A program keeps the types of its state, so that its results can be its next inputs. */
function checkState(program: Program, name: string, { dtype, shape }: Value): void {
  const spec = program.state[name];
  const wrong = (message: string) => new IncubateError('ENGINE_SHAPE', `${program.name} returns ${message}`);
  if (!spec) throw wrong(`the state tensor '${name}', which is none of its own`);
  if (spec.dtype !== dtype || !sameShape(spec.shape, shape)) {
    throw wrong(`the state tensor '${name}' as ${dtype} [${shape}] instead of ${spec.dtype} [${spec.shape}]`);
  }
}

/** Infinities may be meant, as neutral elements of maxima and in masks; NaN spoils all that depends on it. */
function refuseNotNumbers({ name }: Program, { notNumbers }: Recorder, values: readonly Value[]): void {
  const made = values.map(({ id }) => notNumbers.get(id)).find((error) => error !== undefined);
  if (!made) return;
  throw new IncubateError('ENGINE_CONSTANT', `${name} computes with a constant that is NaN${userFrame(made.stack)}`, {
    hint: 'It spoils all that depends on it: look for a setting that is undefined, or for zero divided by zero.',
  });
}

function symbol(recorder: Recorder, { dtype, shape }: TensorSpec): Value {
  return recorder.value(dtype === 'uint8' ? 'int32' : dtype, shape);
}

/** Errors of the backend, which knows neither the program nor the place in it. */
const unplaced: ReadonlySet<string> = new Set(['ENGINE_TENSOR', 'ENGINE_DTYPE', 'ENGINE_DATA_READ', 'ENGINE_RANDOM']);

function explained(program: string, error: unknown): unknown {
  const message = messageOf(error);
  const where = placeOf(error);
  if (error instanceof IncubateError) {
    const { code, hint = '' } = error;
    if (!unplaced.has(code)) return error;
    return new IncubateError(code, `${program} cannot be traced: ${message}${where}`, { cause: error, hint });
  }
  const refusal = (what: string, hint: string) =>
    new IncubateError('ENGINE_KERNEL', `${program} uses ${what}${where}`, { cause: error, hint });
  const kernel = /Kernel '(\w+)' not registered/.exec(message)?.[1];
  if (kernel) {
    const hint = refused[kernel] ?? 'Express it with supported operations; docs/engine.md lists them.';
    return refusal(`the operation ${kernel}, which cannot be traced`, hint);
  }
  const underivable = /gradient function not found for (\w+)/.exec(message)?.[1];
  if (underivable) {
    const hint = 'Compute it from tensors that the gradient is not taken by; docs/engine.md lists all gradients.';
    return refusal(`the gradient of the operation ${underivable}, which has none`, hint);
  }
  return new IncubateError('ENGINE_SHAPE', `${program} cannot be traced: ${message}${where}`, {
    cause: error,
    hint: 'Compare the shapes with what the operation takes; docs/engine.md tells what differs from tfjs.',
  });
}

/** Where an error came from first. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.cause instanceof Error ? placeOf(error.cause) : userFrame(error.stack);
}
