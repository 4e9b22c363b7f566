import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';

/** An operation on what was computed before, chosen by numbers. */
interface Step {
  readonly operation: number;
  readonly left: number;
  readonly right: number;
}

// Uniform constants, broadcasts and repeats are what the recorder simplifies; results stay small.
const operations: ((a: tf.Tensor, b: tf.Tensor) => tf.Tensor)[] = [
  (a, b) => tf.add(a, b),
  (a, b) => tf.sub(a, b),
  (a, b) => tf.mul(tf.tanh(a), b),
  (a, b) => tf.div(a, tf.add(tf.abs(b), 1)),
  (a) => tf.mul(a, tf.ones([2, 3])),
  (a) => tf.add(tf.zeros([2, 1]), a),
  (a, b) => tf.add(tf.mean(a), b),
  (a, b) => tf.mul(tf.max(tf.add(a, tf.zeros([2, 3])), 1, true), tf.sigmoid(b)),
  (a) => tf.sum(tf.add(a, tf.zeros([2, 3])), 0, true),
  (a) => tf.sub(tf.fill([2, 3], 0.5), tf.neg(tf.sin(a))),
  (a) => tf.transpose(tf.transpose(tf.add(a, tf.zeros([2, 3])))),
  (a) => tf.reshape(tf.reshape(tf.add(a, tf.zeros([2, 3])), [6]), [2, 3]),
  (a, b) =>
    tf.where(tf.tensor2d([1, 0, 1, 0, 0, 1], [2, 3], 'bool'), tf.add(b, tf.zeros([2, 3])), tf.add(a, tf.zeros([2, 3]))),
  (a, b) => tf.add(tf.matMul(tf.tanh(tf.add(a, tf.zeros([2, 3]))) as tf.Tensor2D, tf.eye(3)), b),
];

function programOf(steps: readonly Step[]): Program {
  const evaluate = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    const known = [x, y, tf.ones([2, 3]), tf.zeros([1, 3]), tf.scalar(-2)];
    const pick = (index: number) => known[index % known.length] as tf.Tensor;
    for (const { operation, left, right } of steps) {
      const apply = operations[operation % operations.length] as (typeof operations)[number];
      known.push(apply(pick(left), pick(right)));
    }
    return known.at(-1) as tf.Tensor;
  };
  return {
    name: 'expression',
    state: {},
    feeds: { x: { dtype: 'float32', shape: [2, 3] }, y: { dtype: 'float32', shape: [3] } },
    body(_, { x, y }) {
      const total = (a: tf.Tensor, b: tf.Tensor) => tf.add(tf.sum(tf.square(evaluate(a, b))), tf.sum(tf.mul(a, b)));
      const [dx, dy] = tf.grads(total)([x as tf.Tensor, y as tf.Tensor]) as [tf.Tensor, tf.Tensor];
      return { state: {}, outputs: { value: evaluate(x as tf.Tensor, y as tf.Tensor), dx, dy } };
    },
  };
}

it('any expression has the value and gradients traced that it has eagerly', async () => {
  const engines = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];
  const feeds = {
    x: float32(Float32Array.of(0.3, -1.2, 0.8, 1.7, -0.4, -2.1), [2, 3]),
    y: float32(Float32Array.of(-0.9, 0.6, 1.4)),
  };
  const index = fc.nat(1000);
  const step = fc.record({ operation: index, left: index, right: index });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const results: Record<string, HostTensor>[] = [];
      for (const engine of engines) {
        const executable = await engine.compile(programOf(steps));
        results.push(await executable.run(engine.createState({}), feeds));
        executable.dispose();
      }
      const [traced, eager] = results as [Record<string, HostTensor>, Record<string, HostTensor>];
      for (const [name, expected] of Object.entries(eager)) {
        expect(traced[name]?.shape, name).toEqual(expected.shape);
        const scale = Math.max(1, ...expected.data.map(Math.abs));
        for (const [at, value] of expected.data.entries())
          expect(Math.abs((traced[name]?.data[at] as number) - value), name).toBeLessThanOrEqual(1e-4 * scale);
      }
    }),
    { numRuns: 150 },
  );
});
