import * as tf from '@tensorflow/tfjs-core';
import { IncubateError } from '../util/errors.ts';
import type { HostTensor, HostTensors, TensorSpec } from '../util/tensor.ts';
import type { Attributes, Value, ValueType } from './graph.ts';
import { inferred } from './kernels/infer.ts';
import { kernels } from './kernels/table.ts';
import type { Engine, Program } from './program.ts';
import { type ConstantData, registerSymbolicBackend, SymbolicBackend } from './symbolic-backend.ts';

/** A tensor's data, or what it is to be computed from. */
interface LazyValue extends Value {
  data?: ConstantData;
  readonly from?: Application;
}

/** A kernel applied to values. */
interface Application {
  readonly kernel: string;
  readonly inputs: readonly LazyValue[];
  readonly attributes: Attributes;
  readonly outputs: LazyValue[];
}

/** How data that operations are given reaches the program: engines simplify what they know of constants. */
export type GivenAs = 'feeds' | 'constants';

/**
 * Registers a tfjs backend that computes with an engine: operations are recorded, and what a tensor depends on becomes a
 * program that is compiled and run when the tensor's data is read.
 *
 * It shows that an engine computes what tfjs' operations promise; programs that are run more than once are compiled once
 * by {@link Engine.compile}.
 */
export function registerLazyBackend(name: string, engine: Engine, givenAs: GivenAs = 'feeds'): void {
  registerSymbolicBackend(name, new LazyBackend(engine, givenAs));
}

class LazyBackend extends SymbolicBackend<LazyValue> {
  readonly #engine: Engine;
  readonly #givenAs: GivenAs;
  #next = 0;

  constructor(engine: Engine, givenAs: GivenAs) {
    super();
    this.#engine = engine;
    this.#givenAs = givenAs;
  }

  override record(kernel: string, inputs: readonly LazyValue[], attributes: Attributes): readonly LazyValue[] {
    const outputs: LazyValue[] = [];
    const from = { kernel, inputs, attributes, outputs };
    for (const type of inferred(kernel, inputs, attributes)) outputs.push({ id: this.#next++, ...type, from });
    return outputs;
  }
  override constant(data: ConstantData, dtype: ValueType, shape: readonly number[]): LazyValue {
    return { id: this.#next++, dtype, shape, data: data.slice() };
  }
  override splat(element: number, dtype: ValueType, shape: readonly number[]): LazyValue {
    const size = tf.util.sizeFromShape([...shape]);
    const data =
      dtype === 'float32' ? new Float32Array(size) : dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);
    return { id: this.#next++, dtype, shape, data: data.fill(element) };
  }
  override readSync(): never {
    throw new IncubateError('ENGINE_DATA_READ', 'engines compute asynchronously, so tensors cannot be read at once', {
      hint: 'Use data() instead of dataSync().',
    });
  }
  /** Time to record, in milliseconds; nothing is computed before data is read. */
  override async time(record: () => void): Promise<tf.BackendTimingInfo> {
    const started = performance.now();
    record();
    return { kernelMs: performance.now() - started };
  }
  override async read(dataId: object): Promise<ConstantData> {
    const value = this.symbolOf(dataId);
    value.data ??= await computed(programOf(value, this.#givenAs), this.#engine);
    return value.data;
  }
}

interface FedProgram {
  readonly program: Program;
  readonly feeds: HostTensors;
}

async function computed({ program, feeds }: FedProgram, engine: Engine): Promise<ConstantData> {
  const executable = await engine.compile(program);
  const state = engine.createState({});
  try {
    const { result } = await executable.run(state, feeds);
    return (result as HostTensor).data as ConstantData;
  } finally {
    state.dispose();
    executable.dispose();
  }
}

/** What a value depends on as a program. */
function programOf(wanted: LazyValue, givenAs: GivenAs): FedProgram {
  const { known, applications } = dependencies(wanted);
  const fed = givenAs === 'feeds' ? [...known] : [];
  const names = new Map(fed.map((value, index) => [value, `x${index}`] as const));
  const feeds = Object.fromEntries([...names].map(([value, name]) => [name, hostTensor(value)]));
  const specs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape }]): [string, TensorSpec] => [name, { dtype, shape }]),
  );
  const program: Program = {
    name: `lazy(${wanted.from?.kernel})`,
    state: {},
    feeds: specs,
    body(_, given) {
      const tensors = new Map<LazyValue, tf.Tensor>();
      for (const value of known) {
        const name = names.get(value);
        tensors.set(value, name === undefined ? constant(value) : typed(value, given[name] as tf.Tensor));
      }
      for (const application of applications) apply(application, tensors);
      return { state: {}, outputs: { result: tensors.get(wanted) as tf.Tensor } };
    },
  };
  return { program, feeds };
}

function constant({ data, shape, dtype }: LazyValue): tf.Tensor {
  return tf.tensor(data as ConstantData, [...shape], dtype as tf.DataType);
}

function typed({ dtype }: LazyValue, fed: tf.Tensor): tf.Tensor {
  return dtype === 'bool' ? tf.cast(fed, 'bool') : fed;
}

/** Host tensors know no booleans. */
function hostTensor({ dtype, shape, data }: LazyValue): HostTensor {
  return { dtype: dtype === 'bool' ? 'uint8' : dtype, shape, data } as HostTensor;
}

/** The values whose data is known and the applications that lead from them to a value, in an order in which they can run. */
function dependencies(wanted: LazyValue) {
  const known = new Set<LazyValue>();
  const applications = new Set<Application>();
  const waiting = [{ value: wanted, isDone: false }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, isDone } = next;
    if (value.data || !value.from) known.add(value);
    else if (isDone) applications.add(value.from);
    else if (!applications.has(value.from)) {
      waiting.push({ value, isDone: true });
      for (const input of value.from.inputs) waiting.push({ value: input, isDone: false });
    }
  }
  return { known, applications };
}

function apply({ kernel, inputs, attributes, outputs }: Application, tensors: Map<LazyValue, tf.Tensor>): void {
  const given = inputs.map((value) => tensors.get(value) as tf.Tensor);
  const names = kernels[kernel]?.inputs ?? 'list';
  const named = names === 'list' ? { ...given } : Object.fromEntries(names.map((name, at) => [name, given[at]]));
  const results = tf
    .engine()
    .runKernel(kernel, named as unknown as tf.NamedTensorMap, attributes as object as tf.NamedAttrMap);
  for (const [at, result] of [results].flat().entries()) tensors.set(outputs[at] as LazyValue, result as tf.Tensor);
}
