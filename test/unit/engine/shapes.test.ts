import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { named } from '../../../src/engine/named.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { layerNorm } from '../../../src/engine/ops.ts';
import type { Program } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32 } from '../../../src/util/tensor.ts';

function programOf(name: string, body: (x: tf.Tensor) => tf.Tensor): Program {
  return {
    name,
    state: {},
    feeds: { x: { dtype: 'float32', shape: [2, 3, 4] } },
    body: (_, { x }) => ({ state: {}, outputs: { y: body(x as tf.Tensor) } }),
  };
}

// tfjs leaves these checks to the kernels of its backends.
describe('shapes that do not fit are found while tracing', () => {
  it.each<[string, (x: tf.Tensor) => tf.Tensor, RegExp]>([
    ['Add', (x) => tf.add(x, tf.ones([5])), /Add of float32 \[2,3,4\] \(the feed 'x'\) and float32 \[5\]: /],
    [
      'matMul',
      (x) => tf.matMul(x, tf.ones([2, 3, 5])),
      /BatchMatMul of .*\[2,3,4\] \(the feed 'x'\) and .*\[2,3,5\]: .*4 and 3/,
    ],
    ['reshape', (x) => tf.reshape(x, [5, 5]), /Reshape of float32 \[2,3,4\] \(the feed 'x'\): .*\[5,5\]/],
    ['reshape', (x) => tf.reshape(x, [-1, 5]), /Reshape of float32 \[2,3,4\] \(the feed 'x'\): .*\[-1,5\]/],
    [
      'concat',
      (x) => tf.concat([x, tf.ones([2, 2, 4])], 2),
      /Concat of .*\[2,3,4\] \(the feed 'x'\) and .*\[2,2,4\]: /,
    ],
    ['stack', (x) => tf.stack([x, tf.ones([2, 3, 5])]), /Pack of .*\[2,3,4\] \(the feed 'x'\) and .*\[2,3,5\]: /],
    ['slice', (x) => tf.slice(x, [0, 2, 0], [2, 2, 4]), /Slice of float32 \[2,3,4\] \(the feed 'x'\): /],
    ['split', (x) => tf.split(x, [1, 1], 1)[0] as tf.Tensor, /[Ss]plit.*(3|2)/],
    [
      'layerNorm',
      (x) => layerNorm(x, tf.ones([3]), tf.ones([4]), 1e-5),
      /IncubateLayerNorm of .*\[2,3,4\] \(the feed 'x'\) and .*\[3\]/,
    ],
  ])('%s %#', (name, body, message) => {
    const trace = () => traceProgram(programOf(name, body));
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_SHAPE' }));
    expect(trace).toThrow(message);
    expect(trace).toThrow(/shapes\.test\.ts/);
  });
});

describe('operands are named in errors', () => {
  const parts: Program = {
    name: 'parts',
    state: { flat: { dtype: 'float32', shape: [10] } },
    feeds: { x: { dtype: 'float32', shape: [2, 3] } },
    body: () => ({ state: {}, outputs: {} }),
  };
  const failing = (body: (flat: tf.Tensor, x: tf.Tensor) => tf.Tensor) => () =>
    traceProgram({
      ...parts,
      body: ({ flat }, { x }) => ({ state: {}, outputs: { y: body(flat as tf.Tensor, x as tf.Tensor) } }),
    });
  const weight = (flat: tf.Tensor) => named('the parameter head.weight', tf.reshape(tf.slice(flat, 0, 8), [4, 2]));

  it.each<[string, (flat: tf.Tensor, x: tf.Tensor) => tf.Tensor, string]>([
    ['the state', (flat) => tf.add(flat, tf.ones([3])), "float32 [10] (the state 'flat') and float32 [3]"],
    [
      'what is cut out of the state',
      (flat, x) => tf.matMul(x, weight(flat)),
      "float32 [2,3] (the feed 'x') and float32 [4,2] (the parameter head.weight)",
    ],
    [
      'what is moved afterwards',
      (flat, x) => tf.matMul(tf.transpose(x), tf.reshape(tf.transpose(weight(flat)), [1, 8])),
      "float32 [3,2] (made of the feed 'x') and float32 [1,8] (made of the parameter head.weight)",
    ],
    [
      'what has no name of its own',
      (flat) => tf.add(tf.slice(flat, 0, 4), tf.ones([3])),
      "float32 [4] (made of the state 'flat') and float32 [3]",
    ],
    ['what is computed', (flat) => tf.add(tf.exp(flat), tf.ones([3])), 'float32 [10] and float32 [3]'],
    [
      'what a gradient reads',
      (flat, x) =>
        tf.grad((w) => tf.customGrad((() => ({ value: tf.sum(x), gradFunc: () => tf.add(x, w) })) as never)(w))(
          weight(flat),
        ),
      "float32 [2,3] (the feed 'x') and float32 [4,2] (the parameter head.weight)",
    ],
  ])('%s', (_, body, operands) => {
    expect(failing(body)).toThrow(expect.objectContaining({ code: 'ENGINE_SHAPE' }));
    expect(failing(body)).toThrow(`${operands}: `);
  });

  it('and names change nothing in a graph', () => {
    const graph = (call: typeof named) =>
      traceProgram({
        ...parts,
        body({ flat }, { x }) {
          const w = call('w', tf.slice(flat as tf.Tensor, 0, 6));
          return { state: {}, outputs: { y: tf.mul(call('twice', w), tf.reshape(x as tf.Tensor, [6])) } };
        },
      });
    expect(graph(named)).toEqual(graph((_, tensor) => tensor));
  });
});

describe('arguments that tfjs resolves late', () => {
  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['slice from a number', (x) => tf.slice(x, 1)],
    ['slice from fewer numbers than axes', (x) => tf.slice(x, [1, 1])],
    ['slice of fewer sizes than axes', (x) => tf.slice(x, [1, 1, 0], [1])],
    ['negative axes', (x) => tf.argMax(tf.reverse(tf.sum(tf.concat([x, tf.neg(x)], -1), -2, true), -1), -1)],
    ['lists of one', (x) => tf.addN([...tf.unstack(tf.slice(x, 0, 1)), ...tf.split(tf.sum(x, 0), 1)])],
    ['sums over all axes', (x) => tf.add(tf.sum(x), tf.max(x))],
    ['maxima of one axis', (x) => tf.logSoftmax(tf.mul(x, tf.max(x, 1, true)))],
    // JSON writes both infinities as null, so a key made of it would take the second for the first.
    [
      'operations that differ in the sign of an infinity',
      (x) => {
        const padded = (value: number) =>
          tf.greater(
            tf.pad(
              x,
              [
                [0, 1],
                [0, 0],
                [0, 0],
              ],
              value,
            ),
            0,
          );
        return tf.add(
          tf.cast(padded(Number.NEGATIVE_INFINITY), 'float32'),
          tf.mul(tf.cast(padded(Number.POSITIVE_INFINITY), 'float32'), 2),
        );
      },
    ],
  ])('%s', async (name, body) => {
    const program = programOf(name, body);
    const feeds = {
      x: float32(
        Float32Array.from({ length: 24 }, (_, index) => Math.sin(5 * index)),
        [2, 3, 4],
      ),
    };
    const results = [];
    for (const engine of [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')]) {
      const executable = await engine.compile(program);
      results.push((await executable.run(engine.createState({}), feeds)).y);
      executable.dispose();
    }
    const [traced, eager] = results;
    expect(traced?.shape).toEqual(eager?.shape);
    for (const [index, value] of (eager?.data ?? []).entries()) expect(traced?.data[index]).toBeCloseTo(value, 5);
  });
});
