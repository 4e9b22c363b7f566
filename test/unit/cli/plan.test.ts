import { expect, it } from 'vitest';
import { planDocument } from '../../../src/cli/plan-document.ts';
import { planText } from '../../../src/cli/plan-text.ts';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { planRun } from '../../../src/coordinator/plan.ts';
import type { PreparedRun } from '../../../src/coordinator/prepare.ts';
import { buildArchitecture, describeModel } from '../../../src/models/registry.ts';
import type { JobEstimate } from '../../../src/protocol/estimate.ts';
import type { Lease } from '../../../src/protocol/plan.ts';

const CLASSES = 5;

/** Depth 6 in three modules, batches of 8. */
function tinyConfig({ training, phases }: { training?: object; phases?: object } = {}): RunConfig {
  return runConfigSchema.parse({
    model: { name: 'vit-tiny', width: 16, heads: 2, depth: 6, patch: 4, imageSize: 8 },
    division: { modules: 3 },
    training: { batchSize: 8, ...training },
    phases,
  });
}

function prepare(config: RunConfig): PreparedRun {
  const classes = Array.from({ length: CLASSES }, (_, index) => `class ${index}`);
  const dataset = { source: 'shapes', classes, train: 67, validation: 20, fingerprint: 'f' };
  const leases: Lease[] = ['cpu-0', 'cpu-1'].map((id) => ({ id, kind: 'cpu', cudaVisibleDevices: '' }));
  const devices = { engine: 'cpu', gpus: [], threads: 2, leases, choice: 'there is no GPU' } as const;
  const model = describeModel(config.model, CLASSES);
  return { config, dataset, model, devices, plan: planRun(config, buildArchitecture(config.model, CLASSES), devices) };
}

/** Step costs in round numbers: a megaflop per layer unit. */
function estimates({ plan }: PreparedRun, peakBytes = 2 ** 20): JobEstimate[] {
  return plan.jobs.map(({ id, cost }) => ({
    job: id,
    trained: 10,
    frozen: 20,
    flopsPerStep: cost * 1e6,
    peakBytes,
    stateBytes: 2 ** 19,
  }));
}

it('divides all parameters of the model among the modules', () => {
  const prepared = prepare(tinyConfig());
  const { modules, model } = planDocument(prepared, estimates(prepared));
  expect(modules.reduce((sum, module) => sum + module.parameters, 0)).toBe(model.parameters);
  expect(modules[0]?.parameters).toBeGreaterThan(modules[1]?.parameters ?? Number.NaN);
});

it('counts whole batches of training and all images of the evaluation', () => {
  const prepared = prepare(tinyConfig({ phases: { meta: { epochs: 3 } } }));
  const { jobs } = planDocument(prepared, estimates(prepared));
  expect(jobs.map(({ id, epochs, steps, images }) => [id, epochs, steps, images])).toEqual([
    ['meta', 3, 24, 192],
    ['module-0', 100, 800, 6400],
    ['module-1', 100, 800, 6400],
    ['module-2', 100, 800, 6400],
    ['finetune', 100, 800, 6400],
    ['evaluate', 1, 3, 20],
  ]);
});

it('relates the cost to end-to-end training', () => {
  const phases = { meta: { epochs: 4 }, incubate: { epochs: 2 }, finetune: { epochs: 1 } };
  const prepared = prepare(tinyConfig({ phases }));
  const { cost } = planDocument(prepared, estimates(prepared));
  // Per image: end to end 4 × 18; meta 4 × 9; modules 2 × (6+4, 6+2+1, 6+2); fine-tuning 18; 6 for each of 20 in evaluation.
  const modules = 2 * (10 + 9 + 8);
  const evaluation = (6 * 20) / 67;
  expect(cost.layerUnitsOfEndToEnd).toBeCloseTo((36 + modules + 18 + evaluation) / 72, 10);
  expect(cost.criticalPathOfEndToEnd).toBeCloseTo((36 + 20 + 18 + evaluation) / 72, 10);
  expect(cost.flopsOfEndToEnd).toBeCloseTo((8 * (36 + modules + 18) + 3 * 6) / (8 * 72), 10);
});

it.each([
  ['warm-up', { phases: { meta: { epochs: 2, warmupEpochs: 5 } } }, 2 ** 20, 'phases.meta ends within its warm-up'],
  ['memory', { phases: {} }, 2 ** 50, 'lower devices.slots, or raise training.accumulate'],
])('notes: %s', (_, overrides, peakBytes, note) => {
  const prepared = prepare(tinyConfig(overrides));
  expect(planDocument(prepared, estimates(prepared, peakBytes)).notes.join('\n')).toContain(note);
});

it('refuses to plan where the images do not fill a batch', () => {
  const prepared = prepare(tinyConfig({ training: { batchSize: 128 } }));
  expect(() => planDocument(prepared, estimates(prepared))).toThrow(expect.objectContaining({ code: 'DATA_TOO_FEW' }));
});

it('prints the plan for people', () => {
  const phases = {
    meta: { epochs: 4, warmupEpochs: 1 },
    incubate: { epochs: 2, warmupEpochs: 0 },
    finetune: { epochs: 1 },
  };
  const prepared = prepare(tinyConfig({ phases }));
  expect(planText(planDocument(prepared, estimates(prepared)))).toMatchInlineSnapshot(`
    "method   incubation
    model    vit-tiny: 6 blocks, 20,677 parameters, 100 kMACs per image
    data     shapes: 67 training and 20 validation images, 5 classes
    devices  cpu-0, cpu-1 with the engine cpu and 2 threads in all: there is no GPU

      module  blocks  parameters  meta blocks
    module 0     0-1       7,440            1
    module 1     2-3       6,560            1
    module 2     4-5       6,677            1

    schedule          needs  epochs  steps  images  threads
    meta                  -       4     32     256        2
    module-0           meta       2     16     128        1
    module-1           meta       2     16     128        1
    module-2           meta       2     16     128        1
    finetune  meta…module-2       1      8      64        2
    evaluate       finetune       1      3      20        2

    cost      trained  frozen  FLOPs/step   FLOPs  memory  of it state  layer units
    meta      10           20      9.00 M   288 M   1 MiB        1 MiB       2.41 k
    module-0  10           20      10.0 M   160 M   1 MiB        1 MiB       1.34 k
    module-1  10           20      9.00 M   144 M   1 MiB        1 MiB       1.21 k
    module-2  10           20      8.00 M   128 M   1 MiB        1 MiB       1.07 k
    finetune  10           20      18.0 M   144 M   1 MiB        1 MiB       1.21 k
    evaluate  10           20      6.00 M  18.0 M   1 MiB        1 MiB         120

    layer units  152.49% of end-to-end training for the meta model’s epochs; 105.27% on the longest chain of jobs
    operations   882 MFLOPs, 153.13% of the same
    "
  `);
});

it('says of text how many tokens there are, and of a run on it the sequences', () => {
  const config = runConfigSchema.parse({
    model: { name: 'gpt-nano', depth: 4, context: 8 },
    division: { modules: 2 },
    method: { ends: 'meta' },
    data: { format: 'text' },
    training: { batchSize: 8 },
  });
  const tokens = { vocabulary: CLASSES, train: 1600, validation: 1_234 };
  const dataset = { source: 'docs', classes: [], tokens, train: 200, validation: 155, fingerprint: 'f' };
  const prepared = { ...prepare(config), dataset };
  const document = planDocument(prepared, estimates(prepared));
  const text = planText(document);
  expect(text).toMatch(/gpt-nano: 4 blocks, [\d,]+ parameters, [\d.]+ \SMACs per sequence/);
  expect(text).toContain(
    'docs: 1,600 training and 1,234 validation tokens, vocabulary of 5; 200 sequences an epoch, which each job reads itself',
  );
  expect(text).toMatch(/schedule +needs +epochs +steps +sequences +threads/);
  // No module brings stem or head.
  const blocks = document.modules.map(({ parameters }) => parameters);
  expect(blocks[0]).toBe(blocks[1]);
  expect(document.model.parameters).toBeGreaterThan((blocks[0] as number) * 2);
});
