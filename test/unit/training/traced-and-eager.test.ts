import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { vitShapes } from '../../../src/models/vit/architecture.ts';
import { thorough } from '../../support/faults.ts';
import {
  type Job,
  jobs,
  runSteps,
  tinyBlocks,
  tinyBottlenecks,
  tinyConfig,
  tinyGpt,
  tinyGru,
  tinyJob,
  tinyLstm,
  tinyResnet,
} from '../../support/tiny.ts';

const dropping = Object.fromEntries(
  ['meta', 'incubate', 'finetune'].map((phase) => [phase, { epochs: 1, dropPath: 0.3, clip: 0.5 }]),
);
const variants: [string, Parameters<typeof tinyConfig>[0]][] = [
  // What distinguishes the named models besides their dimensions, such as the missing qkv bias of vit-huge.
  ...Object.keys(vitShapes).map((name): [string, object] => [name, { model: { name } }]),
  ['mixup and cutmix', { training: { mixup: 0.8, cutmix: 1 } }],
  ['grey images', { model: { channels: 1 } }],
  [
    'stochastic depth and clipping',
    {
      phases: dropping,
      training: { frozenSlices: 'train' },
    },
  ],
  ['recomputed blocks', { training: { recompute: true } }],
  ['micro-batches', { training: { accumulate: 2, mixup: 0.8 } }],
  ['decoder', { model: tinyGpt }],
  ['decoder, recomputed', { model: tinyGpt, training: { recompute: true } }],
  ['decoder in micro-batches', { model: tinyGpt, training: { accumulate: 4, labelSmoothing: 0 } }],
  ['decoder with stochastic depth', { model: tinyGpt, phases: dropping }],
  ['LSTM', { model: tinyLstm, phases: dropping }],
  ['GRU, recomputed', { model: tinyGru, training: { recompute: true } }],
  ['residual network', { model: tinyResnet }],
  // AdamW makes whole steps of gradients that are nothing but rounding; a larger epsilon damps them.
  ['residual network with bottlenecks', { model: tinyBottlenecks, training: { eps: 1e-3 } }],
  ['residual network in blocks of channels', { model: tinyBlocks }],
  [
    'residual network in blocks of channels, micro-batches',
    { model: tinyBlocks, training: { accumulate: 2, mixup: 0.8 } },
  ],
  ['residual network, recomputed', { model: tinyResnet, training: { recompute: true } }],
  ['residual network in micro-batches', { model: tinyResnet, training: { accumulate: 2, mixup: 0.8 } }],
  [
    'residual network with stochastic depth and frozen slices in training mode',
    {
      model: tinyResnet,
      phases: dropping,
      training: { frozenSlices: 'train' },
    },
  ],
];
/** Where not all cases are tried: all jobs of one of each kind, and of the rest one job. */
const basic = ['vit-tiny', 'decoder', 'LSTM', 'residual network'];
/** Named models that differ from vit-tiny in their dimensions alone, which are not their own here. */
const alike = ['vit-small', 'vit-base', 'vit-large'];
const cases = variants
  .filter(([variant]) => thorough || !alike.includes(variant))
  .flatMap(([variant, overrides]) =>
    (thorough || basic.includes(variant) ? Object.values(jobs) : [jobs.middle]).map(
      (job): [string, string, number, Job, typeof overrides] => [
        job.id,
        variant,
        // Plain JavaScript takes seconds for a step with convolutions.
        variant.startsWith('residual') ? 3 : 5,
        job,
        overrides,
      ],
    ),
  );

describe('traced and eager training', () => {
  it.each(cases)('of %s (%s) has the same losses over %i steps', async (_id, _variant, steps, job, overrides) => {
    const tiny = tinyJob(job, tinyConfig(overrides));
    const traced = await runSteps(createOnnxEngine({ threads: 1 }), tiny, steps);
    const eager = await runSteps(await createEagerEngine('cpu'), tiny, steps);
    for (const [step, loss] of eager.losses.entries()) {
      expect(Number.isFinite(loss)).toBe(true);
      expect(Math.abs((traced.losses[step] as number) / loss - 1)).toBeLessThan(1e-5);
    }
    expect(new Set(eager.losses).size).toBe(steps);
  });
});
