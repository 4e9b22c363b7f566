import { describe, expect, it } from 'vitest';
import { thorough } from '../support/faults.ts';
import { torchTest } from '../support/torch.ts';
import { type MemorySample, trainInProcess } from '../support/train-process.ts';

const vit = { name: 'vit-tiny', width: 16, heads: 2, patch: 4 };
const phase = { epochs: 40, warmupEpochs: 1, dropPath: 0.2, clip: 0.5 };
/** Until caches are full and functions compiled, and then as many again. */
const [WARM, STEPS] = [1000, 1000];

/** 50 steps an epoch, each with an evaluation. */
const configOf = (model: object, training: object) => ({
  model: { imageSize: 8, depth: 6, ...model },
  division: { modules: 3 },
  data: { shapes: { train: 400, validation: 32 }, padding: 1 },
  training: { batchSize: 8, referenceBatch: null, ...training },
  phases: { meta: phase, incubate: phase, finetune: phase },
});

/**
 * Most bytes that may be kept of a step, above the noise of measuring. Images of a batch are 1,536 bytes, a vector of the
 * transformer's state 26,240, and an object of JavaScript about a hundred.
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

const cases: [string, object, object][] = [
  ['a vision transformer in one program', vit, {}],
  ['a residual network', { name: 'resnet-20', width: 4 }, {}],
];
if (thorough)
  cases.push(
    ['accumulation', vit, { accumulate: 2 }],
    ['recomputed blocks', vit, { recompute: true }],
    ['accumulation of recomputed blocks', vit, { accumulate: 2, recompute: true }],
  );

describe('memory is flat over 1,000 steps', () => {
  it.each(cases)('%s', async (_, model, training) => {
    const job = { id: 'module-1', kind: 'module', module: 1 };
    const task = { config: configOf(model, training), job, threads: 1, steps: WARM + STEPS, sampleEvery: 25 };
    const { done, samples } = await trainInProcess(task);
    expect(done).toBe(WARM + STEPS);
    expect(samples).toHaveLength((WARM + STEPS) / 25);
    for (const [kind, kept] of Object.entries(KEPT))
      expect(growth(samples, kind as keyof typeof KEPT), kind).toBeLessThan(kept);
  });
});

torchTest('of a state that the engine has copied nothing stays', async () => {
  const job = { id: 'finetune', kind: 'finetune' };
  const config = configOf({ ...vit, width: 512, depth: 3 }, {});
  const { final, samples } = await trainInProcess({
    config,
    job,
    engine: 'torch',
    threads: 1,
    steps: 2,
    sampleEvery: 1,
  });
  expect(final.length).toBeGreaterThan(0);
  // Three blocks of 12 * 512^2 weights; parameters and both of their moments were copied. V8 itself frees smaller ones.
  const parameters = 4 * 3 * 12 * 512 ** 2;
  for (const { uncollected } of samples) {
    expect(uncollected).toBeLessThan(parameters / 2);
  }
});
