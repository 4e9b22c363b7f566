import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { evaluateLogits } from '../../../src/tasks/classification.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, int32 } from '../../../src/util/tensor.ts';

interface Sample {
  readonly scores: readonly number[];
  readonly label: number;
  readonly weight: number;
}

/** The same sums in double precision, by sorting. */
function evaluated(samples: readonly Sample[]) {
  const sums = { top1: 0, top5: 0, loss: 0, count: 0 };
  for (const { scores, label, weight } of samples) {
    const order = scores
      .map((score, index) => ({ score, index }))
      .sort((a, b) => b.score - a.score || a.index - b.index);
    const rank = scores.every(Number.isFinite) ? order.findIndex(({ index }) => index === label) : scores.length;
    const largest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    sums.top1 += rank < 1 ? weight : 0;
    sums.top5 += rank < 5 ? weight : 0;
    sums.loss += weight * (Math.log(total) + largest - (scores[label] as number));
    sums.count += weight;
  }
  return sums;
}

function programOf(batch: number, classes: number): Program {
  return {
    name: 'evaluate',
    state: {},
    feeds: {
      logits: { dtype: 'float32', shape: [batch, classes] },
      labels: { dtype: 'int32', shape: [batch] },
      weights: { dtype: 'float32', shape: [batch] },
    },
    body(_, { logits, labels, weights }) {
      const sums = evaluateLogits(logits as tf.Tensor2D, labels as tf.Tensor1D, weights as tf.Tensor1D);
      return { state: {}, outputs: { ...sums } };
    },
  };
}

const { normal, integer } = randomStream(3, 'classification');
const random = Array.from({ length: 40 }, (_, row): Sample => {
  // Whole numbers tie often.
  const scores = Array.from({ length: 9 }, () => (row % 2 === 0 ? Math.round(2 * normal()) : Math.fround(normal())));
  return { scores, label: integer(9), weight: row < 35 ? 1 : 0 };
});
const [nan, infinite] = [Number.NaN, Number.POSITIVE_INFINITY];
const unbounded = [
  [9, 1, 2, 3, 4, 5],
  [nan, 1, 2, 3, 4, 5],
  [9, 1, nan, 3, 4, 5],
  [infinite, 1, 2, 3, 4, 5],
  [9, 1, 2, -infinite, 4, 5],
  [3e38, 1, 2, 3, 4, 5],
].map((scores): Sample => ({ scores, label: 0, weight: 1 }));

describe.each([
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
])('evaluating logits on the engine %s', (_, open) => {
  const run = async (samples: readonly Sample[]) => {
    const engine = await open();
    const classes = samples[0]?.scores.length as number;
    const executable = await engine.compile(programOf(samples.length, classes));
    const outputs = await executable.run(engine.createState({}), {
      logits: float32(Float32Array.from(samples.flatMap(({ scores }) => scores)), [samples.length, classes]),
      labels: int32(Int32Array.from(samples, ({ label }) => label)),
      weights: float32(Float32Array.from(samples, ({ weight }) => weight)),
    });
    executable.dispose();
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data[0] as number]));
  };

  it('counts and sums as sorting does, ties to the lower class', async () => {
    const { loss, ...counts } = evaluated(random);
    const { loss: found, ...others } = await run(random);
    expect(others).toEqual(counts);
    expect(Math.abs((found as number) / loss - 1)).toBeLessThan(1e-6);
    expect(counts.top1).toBeGreaterThan(0);
    expect(counts.top5).toBeLessThan(counts.count);
  });

  it('counts scores that are not finite as wrong', async () => {
    const { top1, top5, count } = evaluated(unbounded);
    expect(await run(unbounded)).toMatchObject({ top1, top5, count });
    expect(top1).toBe(2);
  });
});
