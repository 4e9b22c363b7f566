import { describe, expect, it } from 'vitest';
import { traceCost } from '../../../src/engine/cost.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { CLASSES, type Job, jobs, runSteps, tinyBlocks, tinyConfig, tinyJob, tinyResnet } from '../../support/tiny.ts';

const dropping = { epochs: 1, dropPath: 0.3, clip: 0.5 };
const job = (kind: Job, model: object, recompute: boolean, accumulate = 1) =>
  tinyJob(
    kind,
    tinyConfig({
      model,
      training: { recompute, accumulate },
      phases: { meta: dropping, incubate: dropping, finetune: dropping },
    }),
  );

describe.each([
  { family: 'vision transformer', model: {}, share: 1 / 4, work: 1.33 },
  { family: 'residual network', model: tinyResnet, share: 1 / 2.5, work: 1.34 },
  { family: 'residual network in blocks of channels', model: tinyBlocks, share: 1 / 2, work: 1.34 },
])('recomputed blocks of a $family', ({ model, share, work }) => {
  it.each(Object.values(jobs))('give the same bits in $id', async (kind) => {
    for (const engine of [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')]) {
      const kept = await runSteps(engine, job(kind, model, false), 3);
      const again = await runSteps(engine, job(kind, model, true), 3);
      expect(again.losses).toEqual(kept.losses);
      for (const [name, { data }] of Object.entries(kept.tensors)) {
        const bytes = (array: Float32Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
        expect(bytes(again.tensors[name]?.data as Float32Array).equals(bytes(data)), name).toBe(true);
      }
    }
  });

  it('give the same bits in micro-batches', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const kept = await runSteps(engine, job(jobs.finetune, model, false, 2), 3);
    expect((await runSteps(engine, job(jobs.finetune, model, true, 2), 3)).tensors).toEqual(kept.tensors);
  });

  it('take less memory and less than a forward pass more operations', () => {
    const cost = (recompute: boolean) => {
      const config = tinyConfig({ model: { ...model, depth: 24 }, training: { recompute, batchSize: 64 } });
      const { network, phase } = tinyJob(jobs.finetune, config);
      const settings = stepSettings({ name: 'step', network, phase, config }, CLASSES);
      const [step] = stepPrograms(settings);
      return traceCost((step as NonNullable<typeof step>).program);
    };
    const [kept, again] = [cost(false), cost(true)];
    expect(again.peakActivationBytes).toBeLessThan(kept.peakActivationBytes * share);
    expect(again.flops).toBeLessThan(kept.flops * work);
    expect(again.flops).toBeGreaterThan(kept.flops * 1.1);
  });
});
