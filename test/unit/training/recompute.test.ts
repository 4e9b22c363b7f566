import { describe, expect, it } from 'vitest';
import { traceCost } from '../../../src/engine/cost.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { CLASSES, type Job, jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';

const dropping = { epochs: 1, dropPath: 0.3, clip: 0.5 };
const job = (kind: Job, recompute: boolean, accumulate = 1) =>
  tinyJob(
    kind,
    tinyConfig({
      training: { recompute, accumulate },
      phases: { meta: dropping, incubate: dropping, finetune: dropping },
    }),
  );

describe('recomputed blocks', () => {
  it.each(Object.values(jobs))('give the same bits in $id', async (kind) => {
    for (const engine of [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')]) {
      const kept = await runSteps(engine, job(kind, false), 3);
      const again = await runSteps(engine, job(kind, true), 3);
      expect(again.losses).toEqual(kept.losses);
      for (const [name, { data }] of Object.entries(kept.tensors)) {
        const bytes = (array: Float32Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
        expect(bytes(again.tensors[name]?.data as Float32Array).equals(bytes(data)), name).toBe(true);
      }
    }
  });

  it('give the same bits in micro-batches', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const kept = await runSteps(engine, job(jobs.finetune, false, 2), 3);
    expect((await runSteps(engine, job(jobs.finetune, true, 2), 3)).tensors).toEqual(kept.tensors);
  });

  it('take less memory and less than a forward pass more operations', () => {
    const cost = (recompute: boolean) => {
      const config = tinyConfig({ model: { depth: 24 }, training: { recompute, batchSize: 64 } });
      const { network, phase } = tinyJob(jobs.finetune, config);
      const settings = stepSettings({ name: 'step', network, phase, config }, CLASSES);
      const [step] = stepPrograms(settings);
      return traceCost((step as NonNullable<typeof step>).program);
    };
    const [kept, again] = [cost(false), cost(true)];
    expect(again.peakActivationBytes).toBeLessThan(kept.peakActivationBytes / 4);
    expect(again.flops).toBeLessThan(kept.flops * 1.33);
    expect(again.flops).toBeGreaterThan(kept.flops * 1.1);
  });
});
