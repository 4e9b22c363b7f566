import { describe, expect, it } from 'vitest';
import { type MemorySample, trainInProcess } from '../support/train-process.ts';

const phase = { epochs: 40, warmupEpochs: 1, dropPath: 0.2, clip: 0.5 };
/** Until caches are full and functions compiled, and then as many again. */
const [WARM, STEPS] = [1000, 1000];

/** 50 steps an epoch, each with an evaluation. */
const configOf = (training: object) => ({
  model: { name: 'vit-tiny', width: 16, heads: 2, depth: 6, patch: 4, imageSize: 8 },
  division: { modules: 3 },
  data: { shapes: { train: 400, validation: 32 }, padding: 1 },
  training: { batchSize: 8, referenceBatch: null, ...training },
  phases: { meta: phase, incubate: phase, finetune: phase },
});

/**
 * Most bytes that may be kept of a step, above the noise of measuring. Images of a batch are 1,536 bytes, a vector of the
 * state 26,240, and an object of JavaScript about a hundred.
 */
const KEPT = { arrayBuffers: 100, external: 100, heapUsed: 150, rss: 4000 };

/** Bytes by which memory grows per step once it is warm, by least squares. */
function growth(samples: readonly MemorySample[], kind: keyof typeof KEPT): number {
  const points = samples.filter(({ step }) => step > WARM).map((sample) => [sample.step, sample[kind]] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [step, bytes] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const slope = (weigh: (x: number, y: number) => number) =>
    points.reduce((sum, [x, y]) => sum + weigh(x - step, y - bytes), 0);
  return slope((x, y) => x * y) / slope((x) => x * x);
}

describe('memory is flat over 1,000 steps', () => {
  it.each([
    ['one program', {}],
    ['accumulation', { accumulate: 2 }],
    ['recomputed blocks', { recompute: true }],
  ])('%s', async (_, training) => {
    const job = { id: 'module-1', kind: 'module', module: 1 };
    const task = { config: configOf(training), job, threads: 1, steps: WARM + STEPS, sampleEvery: 25 };
    const { done, samples } = await trainInProcess(task);
    expect(done).toBe(WARM + STEPS);
    expect(samples).toHaveLength((WARM + STEPS) / 25);
    for (const [kind, kept] of Object.entries(KEPT))
      expect(growth(samples, kind as keyof typeof KEPT), kind).toBeLessThan(kept);
  });
});
