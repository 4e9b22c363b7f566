/*
 * Nothing but products of small matrices, on one thread: what two processes of it get done together beside one alone is what
 * the machine gives to two processes that share neither memory nor cache.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { openEngine } from '../../../src/engine/engines.ts';
import { float32 } from '../../../src/util/tensor.ts';

/** Three matrices of this size take 192 KiB. */
const SIZE = 128;
const PRODUCTS = 2000;
const matrix = { dtype: 'float32', shape: [SIZE, SIZE] } as const;

const engine = await openEngine({ engine: 'cpu', threads: 1 });
const executable = await engine.compile({
  name: 'products',
  state: {},
  feeds: { x: matrix, y: matrix },
  body(_, { x, y }) {
    let product = x as tf.Tensor2D;
    for (let count = 0; count < PRODUCTS; count++) product = tf.matMul(product, y as tf.Tensor2D);
    return { state: {}, outputs: { product } };
  },
});
const state = engine.createState({});
const numbers = (scale: number) => Float32Array.from({ length: SIZE * SIZE }, (_, at) => scale * Math.cos(at));
const feeds = { x: float32(numbers(1), [SIZE, SIZE]), y: float32(numbers(0.1), [SIZE, SIZE]) };

const answer = (reply: object) => process.stdout.write(`${JSON.stringify(reply)}\n`);
answer({ ready: true, compileSeconds: 0 });
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = [];
  for (let count = Number(line); count > 0; count--) {
    const before = performance.now();
    await executable.run(state, feeds);
    seconds.push((performance.now() - before) / 1000);
  }
  answer({ losses: [], seconds, peakBytes: 0 });
}
