import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { planRun } from '../../../src/coordinator/plan.ts';
import type { Architecture } from '../../../src/models/architecture.ts';
import { divide } from '../../../src/models/divide.ts';
import { hybridNetwork, metaModules, wholeNetwork } from '../../../src/models/network.ts';
import { buildArchitecture, metaArchitecture } from '../../../src/models/registry.ts';
import type { ResidualBlock, ResnetShape } from '../../../src/models/resnet/shape.ts';
import type { ModulePlan } from '../../../src/protocol/plan.ts';
import { planDropPath } from '../../../src/training/drop-path.ts';
import { cpuSlots } from '../../fixtures/run.ts';

const build = (settings: object) =>
  buildArchitecture(runConfigSchema.parse({ model: { imageSize: 32, ...settings } }).model, 10);
const blocksOf = (architecture: Architecture) => (architecture.shape as ResnetShape).blocks;
const divided = (target: Architecture, division: object): ModulePlan[] =>
  divide(
    target.blocks.map(({ macs }) => macs),
    runConfigSchema.parse({ division }).division,
  );

/** Slices of the meta model as `16→32/2`: channels taken, given, and the stride. */
function metaSlices(name: string, division: object): string[][] {
  const target = build({ name });
  const modules = divided(target, division);
  const blocks = blocksOf(metaArchitecture(target, modules));
  return metaModules(modules).map(({ from, to }) =>
    blocks.slice(from, to).map(({ inputs, outputs, stride }) => `${inputs}→${outputs}/${stride}`),
  );
}

describe('the meta model of a residual network', () => {
  it.each<[string, object, string[][]]>([
    ['one module for each stage', { modules: 3 }, [['16→16/1'], ['16→32/2'], ['32→64/2']]],
    ['modules that span transitions', { modules: 2 }, [['16→32/2'], ['32→64/2']]],
    ['one module of two transitions', { modules: 1 }, [['16→64/4']]],
    [
      'a module of two transitions and enough blocks',
      { modules: 1, metaDepths: 3 },
      [['16→16/1', '16→32/2', '32→64/2']],
    ],
    ['two blocks for two transitions and a run before them', { modules: 1, metaDepths: 2 }, [['16→32/2', '32→64/2']]],
    [
      'four modules, two of which begin within a stage',
      { modules: 4 },
      [['16→16/1'], ['16→32/2'], ['32→64/2'], ['64→64/1']],
    ],
    [
      'more blocks than transitions, which go where most are replaced',
      { modules: 2, depths: [2, 7], metaDepths: [2, 5] },
      [
        ['16→16/1', '16→16/1'],
        ['16→16/1', '16→32/2', '32→32/1', '32→64/2', '64→64/1'],
      ],
    ],
  ])('has, for %s, slices with the interfaces of the target', (_, division, expected) => {
    expect(metaSlices('resnet-20', division)).toEqual(expected);
  });

  it('widens bottlenecks as their stages do', () => {
    expect(metaSlices('resnet-50', { modules: 4 })).toEqual([
      ['64→512/2'],
      ['512→1024/2'],
      ['1024→1024/1'],
      ['1024→2048/2'],
    ]);
  });

  it('has names of its own, as torchvision would give them', () => {
    const target = build({ name: 'resnet-110' });
    const names = (division: object) =>
      metaArchitecture(target, divided(target, division)).blocks.map(({ name }) => name);
    expect(names({ modules: 3, metaDepths: 2 })).toEqual(
      [1, 2, 3].flatMap((stage) => [`layer${stage}.0`, `layer${stage}.1`]),
    );
    expect(names({ modules: 4 })).toEqual(['layer1.0', 'layer2.0', 'layer3.0', 'layer3.1']);
  });

  it('fits between any slices of the target, whatever the division', () => {
    const named = fc.constantFrom('resnet-20', 'resnet-56', 'resnet-18', 'resnet-50');
    const drawn = fc.record({
      name: named,
      cuts: fc.array(fc.integer({ min: 1, max: 26 }), { maxLength: 5 }),
      depths: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 6, maxLength: 6 }),
      imageSize: fc.integer({ min: 5, max: 40 }),
    });
    fc.assert(
      fc.property(drawn, ({ name, cuts, depths, imageSize }) => {
        const target = build({ name, imageSize });
        const depth = target.blocks.length;
        const bounds = [...new Set([0, ...cuts.filter((cut) => cut < depth), depth])].sort((a, b) => a - b);
        const modules = bounds.slice(1).map((to, index): ModulePlan => {
          return { index, from: bounds[index] as number, to, metaDepth: depths[index] as number };
        });
        const meta = metaArchitecture(target, modules);
        const [ofTarget, ofMeta] = [blocksOf(target), blocksOf(meta)];
        expect(new Set(meta.blocks.map((block) => block.name)).size).toBe(meta.blocks.length);
        for (const [index, { from, to }] of metaModules(modules).entries()) {
          const module = modules[index] as ModulePlan;
          const slice = ofMeta.slice(from, to);
          expect(slice).toHaveLength(module.metaDepth);
          expect(interfacesOf(slice)).toEqual(interfacesOf(ofTarget.slice(module.from, module.to)));
          for (const [at, block] of slice.entries()) if (at > 0) expectFits(slice[at - 1] as ResidualBlock, block);
        }
        expect(meta.head).toEqual(target.head);
        expect(meta.stem).toEqual(target.stem);
      }),
    );
  });
});

describe('a division of a residual network', () => {
  const config = runConfigSchema.parse({
    model: { name: 'resnet-20', imageSize: 32 },
    division: { modules: 3, metaDepths: [1, 2, 1] },
  });
  const target = buildArchitecture(config.model, 10);
  const modules = divided(target, config.division);

  it('has stochastic depth rates that grow over the blocks of the hybrid', () => {
    const meta = metaArchitecture(target, modules);
    const rates = planDropPath(
      hybridNetwork(target, meta, modules, 1, { modes: { before: 'train', after: 'train' } }),
      0.4,
      8,
    );
    // One meta block, three of the module, one meta block.
    expect(rates.rates).toEqual([0, 0.1, 0.2, 0.3, 0.4].map((rate) => expect.closeTo(rate)));
    expect(rates.feed?.shape).toEqual([5, 1, 8]);
    expect(planDropPath(wholeNetwork(meta, 'meta'), 0.3, 8).rates).toHaveLength(4);
  });

  it('costs a layer unit for each block', () => {
    const plan = planRun(config, buildArchitecture(config.model, 10), {
      engine: 'cpu',
      leases: cpuSlots(3),
      threads: 3,
    });
    expect(plan.jobs.map(({ id, cost }) => [id, cost])).toEqual([
      ['meta', 3 * 4],
      ['module-0', 3 * 3 + 2 * 3],
      ['module-1', 3 * 3 + 2 * 1 + 1],
      ['module-2', 3 * 3 + 3],
      ['finetune', 3 * 9],
      ['evaluate', 9],
    ]);
  });
});

/** What consecutive blocks take and give: channels and side. */
function interfacesOf(blocks: readonly ResidualBlock[]) {
  const [first, last] = [blocks[0] as ResidualBlock, blocks.at(-1) as ResidualBlock];
  return { takes: [first.inputs, first.side], gives: [last.outputs, Math.ceil(last.side / last.stride)] };
}

function expectFits(before: ResidualBlock, block: ResidualBlock): void {
  expect([block.inputs, block.side]).toEqual([before.outputs, Math.ceil(before.side / before.stride)]);
}
