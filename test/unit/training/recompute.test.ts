import { describe, expect, it } from 'vitest';
import { mixes } from '../../../src/config/mixes.ts';
import { traceCost } from '../../../src/engine/cost.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../src/engine/program.ts';
import { drawMix } from '../../../src/tasks/mix.ts';
import { drawDropPath } from '../../../src/training/drop-path.ts';
import { parameterState } from '../../../src/training/network-layouts.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { accumulateProgram } from '../../../src/training/train-programs.ts';
import { float32, int32, uint8 } from '../../../src/util/tensor.ts';
import { thorough } from '../../support/faults.ts';
import {
  type Job,
  jobs,
  runSteps,
  tinyBatch,
  tinyBlocks,
  tinyConfig,
  tinyJob,
  tinyResnet,
} from '../../support/tiny.ts';

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

const norm = (values: Iterable<number>) => Math.hypot(...values);

/** The gradient of one batch by all trained parameters, with stochastic depth. */
async function gradientOf(engine: Engine, kind: Job, model: object, training: object): Promise<Float32Array> {
  const config = tinyConfig({ model, training, phases: { meta: dropping, incubate: dropping, finetune: dropping } });
  const tiny = tinyJob(kind, config);
  const settings = stepSettings(tiny);
  const executable = await engine.compile(accumulateProgram(settings));
  const state = engine.createState({
    ...parameterState(tiny.layouts, tiny.initial),
    gradient: float32(new Float32Array(tiny.layouts.trained.size)),
  });
  const { images, labels } = tinyBatch(config, 0);
  const rows = [...labels.keys()];
  const key = { seed: 0, stream: kind.id, step: 0 };
  await executable.run(state, {
    images: uint8(images, [8, 8, 8, 3]),
    labels: int32(labels),
    carry: float32(Float32Array.of(0), []),
    ...(settings.dropPath.feed ? { dropPath: drawDropPath(settings.dropPath, 8, rows, key) } : {}),
    ...(mixes(config) ? drawMix(config.training, 8, 0, kind.id, 0) : {}),
  });
  const { gradient } = await state.read(['gradient']);
  state.dispose();
  executable.dispose();
  return gradient?.data as Float32Array;
}

describe.each([
  { family: 'vision transformer', model: {}, share: 1 / 4, work: 1.33 },
  { family: 'residual network', model: tinyResnet, share: 1 / 2.5, work: 1.34 },
  { family: 'residual network in blocks of channels', model: tinyBlocks, share: 1 / 2, work: 1.34 },
])('recomputed blocks of a $family', ({ model, share, work }) => {
  it.each(Object.values(jobs))('give the same bits in $id', async (kind) => {
    const isTried = kind === jobs.finetune && model !== tinyBlocks;
    const eager = thorough || isTried ? [await createEagerEngine('cpu')] : [];
    for (const engine of [createOnnxEngine({ threads: 1 }), ...eager]) {
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

  const engines: [string, () => Engine | Promise<Engine>][] = [
    ['one thread', () => createOnnxEngine({ threads: 1 })],
    ['two threads', () => createOnnxEngine({ threads: 2 })],
    ['tfjs', () => createEagerEngine('cpu')],
  ];
  it.each(
    (thorough ? Object.values(jobs) : [jobs.middle]).flatMap((kind) =>
      engines.map(([name, open]) => [kind.id, name, kind, open] as const),
    ),
  )('give gradients of the same bits in %s, with %s', async (_id, _name, kind, open) => {
    const engine = await open();
    for (const mixing of [{}, { mixup: 0.8, cutmix: 1 }]) {
      const kept = await gradientOf(engine, kind, model, { recompute: false, ...mixing });
      const again = await gradientOf(engine, kind, model, { recompute: true, ...mixing });
      expect(norm(kept)).toBeGreaterThan(0);
      expect(Buffer.from(again.buffer).equals(Buffer.from(kept.buffer))).toBe(true);
    }
  });

  it('take less memory and less than a forward pass more operations', () => {
    const cost = (recompute: boolean) => {
      const config = tinyConfig({ model: { ...model, depth: 24 }, training: { recompute, batchSize: 64 } });
      const { network, phase } = tinyJob(jobs.finetune, config);
      const settings = stepSettings({ name: 'step', network, phase, config });
      const [step] = stepPrograms(settings);
      return traceCost((step as NonNullable<typeof step>).program);
    };
    const [kept, again] = [cost(false), cost(true)];
    expect(again.peakActivationBytes).toBeLessThan(kept.peakActivationBytes * share);
    expect(again.flops).toBeLessThan(kept.flops * work);
    expect(again.flops).toBeGreaterThan(kept.flops * 1.1);
  });
});
