import { describe, expect, it } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { plannedCost } from '../../../src/coordinator/cost.ts';
import { slotLeases } from '../../../src/coordinator/leases.ts';
import { planRun } from '../../../src/coordinator/plan.ts';
import { countMacs } from '../../../src/models/architecture.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { finalJobOf } from '../../../src/protocol/plan.ts';
import { cpuSlots } from '../../fixtures/run.ts';

const configOf = (settings: object): RunConfig =>
  runConfigSchema.parse({ model: { name: 'vit-tiny', depth: 12 }, ...settings });
const planOf = (config: RunConfig) =>
  planRun(config, buildArchitecture(config.model, 10), { engine: 'cpu', leases: cpuSlots(2), threads: 4 });
const jobsOf = (settings: object) => planOf(configOf(settings)).jobs.map(({ id, needs }) => [id, needs]);
const costsOf = (settings: object) => planOf(configOf(settings)).jobs.map(({ cost }) => cost);
const dataset = { source: 'shapes', classes: [], train: 1000, validation: 100, fingerprint: '' };

describe('jobs', () => {
  it.each(['incubation', 'imitation'])('of %s: the meta model, modules, fine-tuning', (name) => {
    expect(jobsOf({ method: { name }, division: { modules: 2 } })).toEqual([
      ['meta', []],
      ['module-0', ['meta']],
      ['module-1', ['meta']],
      ['finetune', ['meta', 'module-0', 'module-1']],
      ['evaluate', ['finetune']],
    ]);
  });

  it.each(['e2e', 'infopro', 'dgl', 'greedy'])('of %s: one that trains', (name) => {
    expect(jobsOf({ method: { name } })).toEqual([
      ['train', []],
      ['evaluate', ['train']],
    ]);
    expect(finalJobOf(planOf(configOf({ method: { name } })))).toBe('train');
    expect(slotLeases(configOf({ method: { name } }), 'cpu', 8)).toHaveLength(1);
  });

  it('of gstack: the shallow model, and what it is stacked to', () => {
    expect(jobsOf({ method: { name: 'gstack' } })).toEqual([
      ['meta', []],
      ['finetune', ['meta']],
      ['evaluate', ['finetune']],
    ]);
  });

  it('end-to-end training divides nothing, however many modules are configured', () => {
    expect(planOf(configOf({ method: { name: 'e2e' }, division: { modules: 40 } })).modules).toHaveLength(1);
    expect(planOf(configOf({ method: { name: 'dgl' }, division: { modules: 3 } })).modules).toHaveLength(3);
  });
});

/** Of 12 blocks in three modules of four, with two meta blocks each. */
describe('layer units per image', () => {
  const division = { modules: 3, metaDepths: 2 };

  it('of incubation: three of a trained layer, two behind it, one before it', () => {
    expect(costsOf({ division })).toEqual([18, 12 + 8, 12 + 4 + 2, 12 + 4, 36, 12]);
  });

  it('of incubation whose downstream slices are trained: three behind it, too', () => {
    expect(costsOf({ division, method: { downstream: 'trained' } })).toEqual([18, 12 + 12, 12 + 6 + 2, 12 + 4, 36, 12]);
  });

  it('of imitation: the slice that is imitated in place of those behind it', () => {
    expect(costsOf({ division, method: { name: 'imitation' } })).toEqual([18, 12 + 2, 12 + 4, 12 + 6, 36, 12]);
  });

  it('of e2e and gstack: all layers', () => {
    expect(costsOf({ division, method: { name: 'e2e' } })).toEqual([36, 12]);
    expect(costsOf({ division, method: { name: 'gstack' } })).toEqual([18, 36, 12]);
  });

  it('of local losses: all layers, and auxiliary ones by their multiply-adds', () => {
    const [greedy] = costsOf({ division, method: { name: 'greedy' } }) as [number];
    const block = countMacs(buildArchitecture(configOf({}).model, 10).blocks) / 12;
    expect(greedy).toBeCloseTo(3 * (12 + (2 * 192 * 10) / block));
    const [infopro] = costsOf({
      division,
      method: { name: 'infopro', infopro: { reconstruction: [0, 0], label: [1, 1] } },
    }) as [number];
    expect(infopro).toBeCloseTo(3 * (12 + (2 * (block + 192 * 128 + 128 * 10)) / block));
  });

  it('of a narrower meta model: by its multiply-adds', () => {
    const [meta] = costsOf({ division: { ...division, metaWidth: 0.5 } }) as [number];
    // 197 tokens of width 192: projections, MLP, and products of all pairs.
    const macs = (hidden: number) => 4 * 192 + 2 * hidden + 2 * 197;
    expect(meta).toBeCloseTo((18 * macs(2 * 192)) / macs(4 * 192));
  });
});

describe('what a run costs, of end-to-end training', () => {
  it('is all of it where it is that, whatever the meta model would have been trained for', () => {
    const config = configOf({ method: { name: 'e2e' }, phases: { meta: { epochs: 1 }, train: { epochs: 7 } } });
    const cost = plannedCost(planOf(config), config, { ...dataset, validation: 0 });
    expect(cost.layerUnitsOfEndToEnd).toBeCloseTo(1);
    expect(cost.criticalPathOfEndToEnd).toBeCloseTo(1);
  });

  it('counts the images that modules see: with data of their own, each a part', () => {
    const phases = { meta: { epochs: 10 }, incubate: { epochs: 10 }, finetune: { epochs: 0 } };
    const share = (method: object) => {
      const config = configOf({ division: { modules: 2 }, method, phases });
      return plannedCost(planOf(config), config, { ...dataset, validation: 0 }).layerUnitsOfEndToEnd;
    };
    const meta = 2 / 12;
    const modules = (18 + 2 + 18 + 1) / 36;
    expect(share({})).toBeCloseTo(meta + modules);
    expect(share({ moduleData: 'disjoint' })).toBeCloseTo(meta + modules / 2);
  });
});

describe('division by memory', () => {
  const depthsOf = (model: object, division: object) => {
    const config = runConfigSchema.parse({ model, division: { balance: 'memory', ...division } });
    return planOf(config).modules.map(({ from, to }) => to - from);
  };

  // InfoPro's cuts of ResNet-110 that balance memory are after 15 of 54 blocks; after 10 and 21; after 7, 15 and 27.
  it.each([
    [2, [15]],
    [3, [10, 21]],
    [4, [7, 15, 27]],
  ])('of ResNet-110 in %i modules is within three blocks of the published one', (modules, published) => {
    const depths = depthsOf({ name: 'resnet-110', imageSize: 32 }, { modules });
    let cut = 0;
    for (const [index, place] of published.entries()) {
      cut += depths[index] as number;
      expect(Math.abs(cut - place), `${depths}`).toBeLessThanOrEqual(3);
    }
    expect(depths[0]).toBeLessThan(54 / modules);
  });

  it('of a vision transformer, whose blocks are all alike, is that by depth', () => {
    expect(depthsOf({ name: 'vit-tiny', depth: 10 }, { modules: 4 })).toEqual([3, 3, 2, 2]);
  });
});
