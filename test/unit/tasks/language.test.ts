import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { language } from '../../../src/tasks/language.ts';

const CONTEXT = 3;
const VOCABULARY = 6;
const config = (training: object = {}) =>
  runConfigSchema.parse({
    model: { name: 'gpt-nano', context: CONTEXT },
    data: { format: 'text' },
    training: { labelSmoothing: 0, ...training },
  });

/** Two sequences, of which the second ends early. */
const batch = { tokens: Int32Array.of(0, 1, 2, 3, 4, 5, 0, 0), lengths: Int32Array.of(3, 1) };
const task = language(config());

/** What a body of a program computes of the batch's feeds. */
async function computed(body: (feeds: Readonly<Record<string, tf.Tensor>>) => Record<string, tf.Tensor>) {
  const executable = await createOnnxEngine({ threads: 1 }).compile({
    name: 'task',
    state: {},
    feeds: task.evaluationFeeds(2),
    body: (_, feeds) => ({ state: {}, outputs: body(feeds) }),
  });
  return executable.run(createOnnxEngine({ threads: 1 }).createState({}), task.batchFeeds(batch));
}

/** Logits of which softmax gives these shares, for every token of [B, T]. */
const sameForAll = (shares: readonly number[]) => (input: tf.Tensor) =>
  tf.add(tf.zeros([...input.shape, shares.length]), tf.tensor1d(shares.map(Math.log)));

it('shows the network all tokens but the last, and asks for each one after', async () => {
  let input: readonly number[] = [];
  const outputs = await computed((feeds) => {
    const exercise = task.exercise(feeds);
    input = exercise.input.shape;
    return { input: exercise.input };
  });
  expect(input).toEqual([2, CONTEXT]);
  expect([...(outputs.input?.data ?? [])]).toEqual([0, 1, 2, 4, 5, 0]);
});

it('has the perplexity of a known distribution', async () => {
  const shares = [0.05, 0.5, 0.2, 0.1, 0.05, 0.1];
  const outputs = await computed((feeds) => ({ ...task.evaluate(feeds, sameForAll(shares)) }));
  const sums = Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data[0] as number]));
  // Predicted are 1, 2 and 3, and 5; what is beyond the second sequence's end counts nothing.
  const loss = -[0.5, 0.2, 0.1, 0.1].reduce((sum, share) => sum + Math.log(share), 0) / 4;
  expect(sums.count).toBe(4);
  expect((sums.loss as number) / 4).toBeCloseTo(loss, 5);
  expect(sums.top1).toBe(1);
  expect(sums.top5).toBe(4);
  const { perplexity } = task.summary({ top1: 0, top5: 0, loss });
  expect(perplexity).toBeCloseTo((0.5 * 0.2 * 0.1 * 0.1) ** -0.25, 6);
});

it('holds the state for the best whose perplexity is lowest, however often its first guess is right', () => {
  const [surer, luckier] = [
    { top1: 0.2, top5: 0.4, loss: 1 },
    { top1: 0.3, top5: 0.4, loss: 1.5 },
  ];
  expect(task.score(task.summary(surer))).toBeGreaterThan(task.score(task.summary(luckier)));
});

it('a uniform distribution has as much perplexity as there are tokens', async () => {
  const outputs = await computed((feeds) => ({
    ...task.evaluate(feeds, sameForAll(new Array(VOCABULARY).fill(1 / VOCABULARY))),
  }));
  const loss = (outputs.loss?.data[0] as number) / (outputs.count?.data[0] as number);
  expect(task.summary({ top1: 0, top5: 0, loss }).perplexity).toBeCloseTo(VOCABULARY, 3);
});

it.each([0, 0.3])(
  'the loss of training is the mean over all tokens, with a label smoothing of %s',
  async (labelSmoothing) => {
    const shares = [0.05, 0.5, 0.2, 0.1, 0.05, 0.1];
    const smoothed = language(config({ labelSmoothing }));
    const outputs = await computed((feeds) => {
      const { input, loss } = smoothed.exercise(feeds);
      return { loss: loss(sameForAll(shares)(input)) };
    });
    const target = (token: number) =>
      shares.reduce((sum, share, at) => {
        const weight = labelSmoothing / VOCABULARY + (at === token ? 1 - labelSmoothing : 0);
        return sum - weight * Math.log(share);
      }, 0);
    const next = [1, 2, 3, 5, 0, 0];
    expect(outputs.loss?.data[0]).toBeCloseTo(next.reduce((sum, token) => sum + target(token), 0) / next.length, 5);
  },
);
