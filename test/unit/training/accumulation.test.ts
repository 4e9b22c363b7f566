import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { unflatten } from '../../../src/training/layout.ts';
import type { HostTensor } from '../../../src/util/tensor.ts';
import { type Job, jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';

interface Variant {
  readonly training: object;
  readonly dropPath: number;
}

const mixing = { mixup: 0.8, cutmix: 1 };
const variants: Record<string, Variant> = {
  plain: { training: {}, dropPath: 0 },
  mixed: { training: mixing, dropPath: 0 },
  'stochastic depth': { training: {}, dropPath: 0.3 },
  'mixed, with stochastic depth': { training: mixing, dropPath: 0.3 },
  'mixed, with stochastic depth in frozen slices': {
    training: { ...mixing, frozenSlices: 'train' },
    dropPath: 0.3,
  },
  'micro-batches of odd size': { training: { batchSize: 12 }, dropPath: 0.3 },
};

function jobOf(job: Job, { training, dropPath }: Variant, accumulate: number) {
  const phase = { epochs: 1, dropPath, clip: null };
  const phases = { meta: phase, incubate: phase, finetune: phase };
  return tinyJob(job, tinyConfig({ training: { ...training, accumulate }, phases }));
}

const norm = (values: Iterable<number>) => Math.hypot(...values);

const engines = { cpu: () => createOnnxEngine({ threads: 1 }), 'tfjs-cpu': () => createEagerEngine('cpu') };
/** The eager engine is slow, and its programs are the same. */
const eagerVariants = ['mixed, with stochastic depth', 'micro-batches of odd size'];
const cases = Object.keys(variants).flatMap((variant) =>
  Object.values(jobs).flatMap((job) =>
    (['cpu', 'tfjs-cpu'] as const)
      .filter((engine) => engine === 'cpu' || eagerVariants.includes(variant))
      .map((engine) => [engine, job.id, variant, job] as const),
  ),
);

describe('gradients accumulated over micro-batches', () => {
  const seen = new Map<string, number>();

  it.each(cases)('equal the whole batch’s to 1e-6, parameter by parameter: %s, %s, %s', async (name, id, key, job) => {
    const engine = await engines[name]();
    const variant = variants[key] as Variant;
    // Without clipping, m after the first step is the gradient times 1 - beta1.
    const gradients = async (accumulate: number) => {
      const tiny = jobOf(job, variant, accumulate);
      const { tensors, losses } = await runSteps(engine, tiny, 1);
      return { loss: losses[0] as number, byName: unflatten(tiny.layouts.trained, tensors.m as HostTensor<'float32'>) };
    };
    const whole = await gradients(1);
    for (const count of [2, 4]) {
      const parts = await gradients(count);
      expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(1e-6);
      for (const [parameter, { data }] of Object.entries(whole.byName)) {
        const difference = data.map((value, index) => value - (parts.byName[parameter]?.data[index] as number));
        expect(norm(data), parameter).toBeGreaterThan(0);
        expect(norm(difference) / norm(data), `${parameter} in ${count}`).toBeLessThan(1e-6);
      }
    }
    if (name === 'cpu' && id === 'module-1') seen.set(key, whole.loss);
  });

  it('of which no two variants compute the same', () => {
    expect(new Set(seen.values()).size).toBe(Object.keys(variants).length);
  });
});
