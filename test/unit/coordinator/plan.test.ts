import { expect, test } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { plannedCost } from '../../../src/coordinator/cost.ts';
import { planRun } from '../../../src/coordinator/plan.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { cpuSlots } from '../../fixtures/run.ts';

const configOf = (division: object): RunConfig => runConfigSchema.parse({ division });
const blocks = (depth: number) => buildArchitecture(runConfigSchema.parse({ model: { depth } }).model, 10);

test('jobs need what they start from', () => {
  const { jobs } = planRun(configOf({ modules: 3 }), blocks(6), { engine: 'cpu', leases: cpuSlots(3), threads: 6 });
  expect(jobs.map(({ id, needs }) => [id, needs])).toEqual([
    ['meta', []],
    ['module-0', ['meta']],
    ['module-1', ['meta']],
    ['module-2', ['meta']],
    ['finetune', ['module-0', 'module-1', 'module-2']],
    ['evaluate', ['finetune']],
  ]);
});

test.each([
  { leases: 1, threads: 8, modules: 4, each: 8 },
  { leases: 4, threads: 8, modules: 4, each: 2 },
  { leases: 3, threads: 8, modules: 4, each: 2 },
  { leases: 8, threads: 4, modules: 4, each: 1 },
  { leases: 8, threads: 8, modules: 2, each: 4 },
])('$threads threads on $leases leases give $modules modules $each each', ({ leases, threads, modules, each }) => {
  const plan = planRun(configOf({ modules }), blocks(8), { engine: 'cpu', leases: cpuSlots(leases), threads });
  const byKind = (kind: string) => [...new Set(plan.jobs.filter((job) => job.kind === kind).map((job) => job.threads))];
  expect(byKind('module')).toEqual([each]);
  for (const kind of ['meta', 'finetune', 'evaluate']) expect(byKind(kind)).toEqual([threads]);
});

/** Reference: Deep Incubation, cost accounting (K = 4, one meta layer each). */
test.each([
  { depth: 12, steps: [0.417, 0.389, 0.361, 0.333], total: 350, chain: 242 },
  { depth: 24, steps: [0.333, 0.319, 0.306, 0.292], total: 275, chain: 183 },
  { depth: 32, steps: [0.312, 0.302, 0.292, 0.281], total: 256, chain: 169 },
  { depth: 128, steps: [0.266, 0.263, 0.26, 0.258], total: 214, chain: 136 },
])('a model of $depth blocks costs what the reference says', ({ depth, steps, total, chain }) => {
  const config = configOf({ modules: 4 });
  const plan = planRun(config, blocks(depth), { engine: 'cpu', leases: cpuSlots(4), threads: 4 });
  const modules = plan.jobs.filter((job) => job.kind === 'module');
  modules.forEach((job, index) => {
    // The reference rounds to three digits, some of them down.
    expect(Math.abs(job.cost / (3 * depth) - (steps[index] as number))).toBeLessThan(0.001);
  });
  const dataset = { source: 'imagenet', classes: [], train: 1_281_167, validation: 50_000, fingerprint: '' };
  const cost = plannedCost(plan, config, dataset);
  expect(Math.abs(cost.layerUnitsOfEndToEnd * 300 - total)).toBeLessThan(1);
  expect(Math.abs(cost.criticalPathOfEndToEnd * 300 - chain)).toBeLessThan(1);
});

test('a division that does not fit the model is an error of the configuration', () => {
  const plan = () => planRun(configOf({ modules: 5 }), blocks(4), { engine: 'cpu', leases: cpuSlots(1), threads: 1 });
  expect(plan).toThrow(expect.objectContaining({ code: 'CONFIG_DIVISION', exitCode: 3 }));
});
