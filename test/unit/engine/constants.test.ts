import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { layerNorm } from '../../../src/engine/ops.ts';
import type { Program } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { runOn } from '../../support/compare-engines.ts';

const program = (body: (x: tf.Tensor) => tf.Tensor): Program => ({
  name: 'example',
  state: {},
  feeds: { x: { dtype: 'float32', shape: [3] } },
  body: (_, { x }) => ({ state: {}, outputs: { y: body(x as tf.Tensor) } }),
});

describe('a constant that is NaN', () => {
  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['a number', (x) => tf.add(x, tf.scalar(Number.NaN))],
    ['a JavaScript number', (x) => tf.mul(x, Number.NaN)],
    ['an element', (x) => tf.add(x, tf.tensor1d([1, Number.NaN, 3]))],
    ['a filled tensor', (x) => tf.maximum(x, tf.fill([3], Number.NaN))],
    ['compared with', (x) => tf.equal(x, Number.NaN)],
    ['chosen', (x) => tf.where(tf.greater(x, 0), x, tf.scalar(Number.NaN))],
    ['zero by zero', (x) => tf.add(x, tf.div(tf.zeros([3]), tf.zeros([3])))],
    ['infinity minus infinity', (x) => tf.add(x, tf.sub(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY))],
    ['returned', () => tf.scalar(Number.NaN)],
    ['an attribute', (x) => tf.leakyRelu(x, Number.NaN)],
    ['padding', (x) => tf.pad(x, [[1, 1]], Number.NaN)],
    ['an ε that is not given', (x) => layerNorm(x, tf.ones([3]), tf.zeros([3]), Number.NaN)],
    ['in a gradient', (x) => tf.grad((a) => tf.sum(tf.mul(a, Number.NaN)))(x)],
    ['a range', (x) => tf.add(x, tf.div(tf.range(0, 3), tf.tensor1d([1, 1, Number.NaN])))],
  ])('is refused: %s', async (_, body) => {
    const error = expect.objectContaining({ code: 'ENGINE_CONSTANT', hint: expect.stringMatching(/undefined/) });
    expect(() => traceProgram(program(body))).toThrow(error);
    expect(() => traceProgram(program(body))).toThrow(/^example computes with .*NaN \(.*constants\.test\.ts:\d+/);
    for (const engine of [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')])
      await expect(engine.compile(program(body))).rejects.toMatchObject({ code: 'ENGINE_CONSTANT' });
  });

  it('is none of a matter where nothing depends on it', () => {
    const unused = program((x) => {
      tf.exp(tf.add(x, Number.NaN));
      return tf.add(x, 1);
    });
    expect(traceProgram(unused).nodes.map(({ kernel }) => kernel)).toEqual(['Add']);
  });
});

it('infinities are constants like others', async () => {
  const masked = program((x) => {
    const mask = tf.tensor1d([0, Number.NEGATIVE_INFINITY, 0]);
    const weights = tf.softmax(tf.add(x, mask));
    const largest = tf.max(tf.concat([x, tf.reshape(tf.scalar(Number.NEGATIVE_INFINITY), [1])]));
    const clipped = tf.minimum(tf.clipByValue(x, 0, Number.POSITIVE_INFINITY), tf.fill([3], Number.POSITIVE_INFINITY));
    return tf.concat([weights, tf.reshape(largest, [1]), clipped]);
  });
  const { y } = await runOn(createOnnxEngine({ threads: 1 }), masked, { x: float32(Float32Array.of(2, 5, 2)) });
  expect([...(y?.data ?? [])]).toEqual([0.5, 0, 0.5, 5, 2, 5, 2]);
});
