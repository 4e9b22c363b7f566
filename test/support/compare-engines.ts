import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { createEagerEngine } from '../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../src/engine/onnx-engine.ts';
import type { Engine, Program } from '../../src/engine/program.ts';
import { randomStream } from '../../src/util/random.ts';
import { float32, type HostTensor, type HostTensors, int32, sizeOf } from '../../src/util/tensor.ts';

/** An operation on tensors that are given. */
export interface Operation {
  readonly name: string;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly body: (inputs: Readonly<Record<string, tf.Tensor>>) => tf.Tensor;
}

/** Numbers of a normal distribution. */
export function normals(purpose: string, shape: readonly number[]): HostTensor {
  const { normal } = randomStream(5, purpose);
  return float32(Float32Array.from({ length: sizeOf(shape) }, normal), shape);
}

/** Whole numbers from 0 to `end` - 1. */
export function wholeNumbers(purpose: string, shape: readonly number[], end: number): HostTensor {
  const { uniform } = randomStream(5, purpose);
  return int32(
    Int32Array.from({ length: sizeOf(shape) }, () => Math.floor(uniform() * end)),
    shape,
  );
}

const floatsOf = ({ inputs }: Operation) =>
  Object.keys(inputs).filter((name) => (inputs[name] as HostTensor).dtype === 'float32');

/** The operation's result, and the gradients by its inputs of the result's elements times their position. */
export function programOf(operation: Operation, withGradients: boolean): Program {
  const specs = Object.entries(operation.inputs).map(([name, { dtype, shape }]) => [name, { dtype, shape }] as const);
  const names = floatsOf(operation);
  return {
    name: operation.name,
    state: {},
    feeds: Object.fromEntries(specs),
    body(_, given) {
      const result = operation.body(given);
      const outputs: Record<string, tf.Tensor> = { result };
      if (withGradients) {
        const weighted = (...floats: tf.Tensor[]) => {
          const moved = Object.fromEntries(names.map((name, at) => [name, floats[at] as tf.Tensor]));
          const y = operation.body({ ...given, ...moved });
          return tf.sum(tf.mul(y, weightsOf(y.shape)));
        };
        const inputs = names.map((name) => given[name] as tf.Tensor);
        tf.grads(weighted)(inputs).forEach((gradient, at) => {
          outputs[`gradient by ${names[at]}`] = gradient;
        });
      }
      return { state: {}, outputs };
    },
  };
}

const weightsOf = (shape: number[]) => tf.cos(tf.reshape(tf.range(0, sizeOf(shape)), shape));

export async function runOn(engine: Engine, program: Program, inputs: Operation['inputs']) {
  const executable = await engine.compile(program);
  try {
    return await executable.run(engine.createState({}), inputs);
  } finally {
    executable.dispose();
  }
}

/** Expects numbers that differ by rounding only: by 1e-4 of the largest one at most. */
export function expectClose(actual: HostTensor | undefined, expected: HostTensor, name: string): void {
  expect(actual?.shape, name).toEqual(expected.shape);
  const finite = [...expected.data].filter(Number.isFinite);
  const scale = finite.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  for (const [index, value] of expected.data.entries()) {
    const given = actual?.data[index] as number;
    if (Number.isFinite(value))
      expect(Math.abs(given - value), `${name}[${index}] of ${value}`).toBeLessThan(1e-4 * scale);
    else expect(given, `${name}[${index}]`).toBe(value);
  }
}

/** Expects the same outputs but for rounding. */
export function expectAllClose(actual: HostTensors, expected: HostTensors, name: string): void {
  expect(Object.keys(actual).sort(), name).toEqual(Object.keys(expected).sort());
  for (const [output, tensor] of Object.entries(expected)) expectClose(actual[output], tensor, `${name} ${output}`);
}

/** Expects the same results of an engine and of tfjs' CPU backend. @returns the kernels that tfjs ran */
export async function expectEqualOnBothEngines(
  operation: Operation,
  withGradients: boolean,
  traces: Engine = createOnnxEngine({ threads: 1 }),
): Promise<string[]> {
  const program = programOf(operation, withGradients);
  const traced = await runOn(traces, program, operation.inputs);
  const engine = await createEagerEngine('cpu');
  const executable = await engine.compile(program);
  let eager: Record<string, HostTensor> = {};
  const { kernelNames } = await tf
    .profile(async () => {
      eager = await executable.run(engine.createState({}), operation.inputs);
      return [];
    })
    .finally(() => {
      tf.engine().state.profiling = false;
    });
  expect(Object.keys(traced).sort()).toEqual(Object.keys(eager).sort());
  for (const [name, expected] of Object.entries(eager)) expectClose(traced[name], expected, name);
  return kernelNames;
}

function dot(data: HostTensor['data'], weight: (index: number) => number): number {
  let sum = 0;
  for (const [index, value] of data.entries()) sum += value * weight(index);
  return sum;
}

/** Expects gradients that agree with central differences along random directions, in an engine and in tfjs' own. */
export async function expectGradientsOfDifferences(
  operation: Operation,
  traces: Engine = createOnnxEngine({ threads: 1 }),
  { directions = 4, step = 1e-2 } = {},
): Promise<void> {
  const names = floatsOf(operation);
  const eager = await createEagerEngine('cpu');
  for (const engine of [eager, traces]) {
    const results = await runOn(engine, programOf(operation, true), operation.inputs);
    for (const name of names) {
      const at = operation.inputs[name] as HostTensor;
      const gradient = results[`gradient by ${name}`] as HostTensor;
      expect(gradient.shape, name).toEqual(at.shape);
      for (let direction = 0; direction < directions; direction++) {
        const along = normals(`${operation.name} ${name} ${direction}`, at.shape);
        const valueAt = async (distance: number) => {
          const moved = float32(
            Float32Array.from(at.data, (x, i) => x + distance * (along.data[i] as number)),
            at.shape,
          );
          const { result } = await runOn(eager, programOf(operation, false), { ...operation.inputs, [name]: moved });
          return dot((result as HostTensor).data, Math.cos);
        };
        const expected = ((await valueAt(step)) - (await valueAt(-step))) / (2 * step);
        const actual = dot(gradient.data, (index) => along.data[index] as number);
        const scale = Math.hypot(...gradient.data) + 1;
        expect(Math.abs(actual - expected), `${name} in ${engine.name}: ${actual} or ${expected}`).toBeLessThan(
          2e-3 * scale,
        );
      }
    }
  }
}
