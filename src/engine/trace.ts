import * as tf from '@tensorflow/tfjs-core';
import './gradients.ts';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { TensorSpec } from '../util/tensor.ts';
import type { Attributes, Graph, Node, Value, ValueType } from './graph.ts';
import { kernels } from './kernels.ts';
import type { Program, Specs, Tensors } from './program.ts';
import { Recorder } from './recorder.ts';

/** Name of the tfjs backend whose kernels record instead of computing. */
export const TRACE_BACKEND = 'incubate-trace';

/** What stands behind the tensors of the trace backend: values of the graph that is being recorded. */
class TraceBackend extends tf.KernelBackend {
  recorder = new Recorder();
  #values = new WeakMap<object, Value>();
  #count = 0;

  valueBehind(dataId: object): Value {
    const value = this.#values.get(dataId);
    if (value) return value;
    throw new IncubateError('ENGINE_TENSOR', 'a program used a tensor that was not made within it', {
      hint: 'Programs depend on their arguments alone: pass the tensor as state or feed, or make it inside the body.',
    });
  }

  wrap(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    this.#count += 1;
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    const typed = values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array;
    if (!typed || !(dtype === 'float32' || dtype === 'int32' || dtype === 'bool')) {
      throw new IncubateError('ENGINE_DTYPE', `programs cannot hold tensors of type ${dtype}`);
    }
    return this.wrap(this.recorder.constant(values, dtype, shape)).dataId;
  }

  override readSync(): never {
    throw dataRead();
  }
  override read(): never {
    throw dataRead();
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
  return new IncubateError('ENGINE_DATA_READ', `a program read the data of a tensor${userFrame(new Error().stack)}`, {
    hint: 'A program is traced once and must not depend on values: express the decision with tensor operations.',
  });
}

/** The innermost place of a stack outside tfjs and the engine, for messages: ` (at block (…/forward.ts:12:3))`, or ''. */
function userFrame(stack = ''): string {
  const frame = stack
    .split('\n')
    .find((line) => /^\s+at /.test(line) && !/tfjs-core|src[\\/]engine[\\/]|node:/.test(line));
  return frame ? ` (${frame.trim()})` : '';
}

let registered: TraceBackend | undefined;

function traceBackend(): TraceBackend {
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
        return outputs.length === 1 ? (outputs[0] as tf.TensorInfo) : outputs;
      },
    });
  }
  for (const kernelName of ['Identity', 'ZerosLike', 'OnesLike', 'Fill', 'Range'] as const) {
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

/**
 * Runs a program's body once with symbolic tensors and returns what it did as a graph, without dead code.
 *
 * @throws ENGINE_KERNEL for an operation that cannot be traced, ENGINE_DATA_READ where the body reads values,
 *   ENGINE_SHAPE where shapes do not fit.
 */
export function traceProgram(program: Program): Graph {
  const backend = traceBackend();
  const previous = tf.getBackend();
  const recorder = new Recorder();
  backend.recorder = recorder;
  const { stackTraceLimit } = Error;
  // Far enough to reach the program's own code through tfjs.
  Error.stackTraceLimit = 100;
  try {
    tf.setBackend(TRACE_BACKEND);
    const symbols = (specs: Specs) =>
      new Map(Object.entries(specs).map(([name, spec]) => [name, symbol(recorder, spec)]));
    const state = symbols(program.state);
    const feeds = symbols(program.feeds);
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
      for (const [name, tensor] of Object.entries(result.state))
        results.nextState.set(name, backend.valueBehind(tensor.dataId));
      for (const [name, tensor] of Object.entries(result.outputs))
        results.outputs.set(name, backend.valueBehind(tensor.dataId));
    });
    const live = withoutDeadCode(recorder.nodes, [...results.nextState.values(), ...results.outputs.values()]);
    return { name: program.name, state, feeds, constants: recorder.constants, nodes: live, ...results };
  } catch (error) {
    throw explained(program.name, error);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (previous && previous !== TRACE_BACKEND) tf.setBackend(previous);
    backend.recorder = new Recorder();
  }
}

function symbol(recorder: Recorder, { dtype, shape }: TensorSpec): Value {
  return recorder.value(dtype === 'uint8' ? 'int32' : dtype, shape);
}

function withoutDeadCode(nodes: readonly Node[], results: readonly Value[]): Node[] {
  const needed = new Set(results.map(({ id }) => id));
  const live: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of node.inputs) needed.add(id);
    live.push(node);
  }
  return live.reverse();
}

function explained(program: string, error: unknown): unknown {
  if (error instanceof IncubateError) return error;
  const message = messageOf(error);
  const kernel = /Kernel '(\w+)' not registered/.exec(message)?.[1];
  const where = userFrame(error instanceof Error ? error.stack : undefined);
  if (kernel) {
    return new IncubateError(
      'ENGINE_KERNEL',
      `${program} uses the operation ${kernel}, which cannot be traced${where}`,
      {
        cause: error,
        hint: 'Express it with supported operations; docs/engine.md lists them.',
      },
    );
  }
  return new IncubateError('ENGINE_SHAPE', `${program} cannot be traced: ${message}${where}`, { cause: error });
}
