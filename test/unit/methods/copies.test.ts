import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { modulesOf } from '../../../src/methods/table.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { jobNetwork } from '../../../src/training/phases.ts';

function copiesOf(job: Parameters<typeof jobNetwork>[0], settings: object) {
  const config = runConfigSchema.parse(settings);
  const modules = modulesOf(buildArchitecture(config.model, 5), config);
  return jobNetwork(job, modules, config, 5).copies;
}

/** Blocks in the order of the copies, each once: `4 ← 1`. */
function blocksOf(copies: ReadonlyMap<string, string>): string[] {
  const pairs = [...copies].flatMap(([to, from]) => {
    const [block] = /(?<=^blocks\.)\d+|^layer\d\.\d+(?=\.)/.exec(to) ?? [];
    const [source] = /(?<=^meta\.blocks\.)\d+|(?<=^meta\.)layer\d\.\d+(?=\.)/.exec(from) ?? [];
    return block === undefined ? [] : [`${block} ← ${source}`];
  });
  return [...new Set(pairs)];
}

const vit = { name: 'vit-tiny', width: 16, heads: 2, depth: 6, patch: 4, imageSize: 8 };
const finetune = { id: 'finetune', kind: 'finetune' } as const;
const module = (index: number) => ({ id: `module-${index}`, kind: 'module', module: index }) as const;

describe('stacking', () => {
  it('puts the shallow model on itself until it is as deep as the target', () => {
    const copies = copiesOf(finetune, {
      model: vit,
      division: { modules: 2, metaDepths: 2 },
      method: { name: 'gstack' },
    });
    expect(blocksOf(copies)).toEqual(['0 ← 0', '1 ← 1', '2 ← 2', '3 ← 3', '4 ← 0', '5 ← 1']);
    expect(copies.get('blocks.4.attn.qkv.weight')).toBe('meta.blocks.0.attn.qkv.weight');
    expect(copies.get('pos_embed')).toBe('meta.pos_embed');
    expect(copies.get('head.bias')).toBe('meta.head.bias');
  });

  const resnet = { name: 'resnet-20', width: 4, depth: 9, imageSize: 8 };

  it('takes blocks of the same kind: those that reduce, and those of each width', () => {
    const copies = copiesOf(finetune, {
      model: resnet,
      division: { modules: 3, metaDepths: 2 },
      method: { name: 'gstack' },
    });
    expect(blocksOf(copies)).toEqual([
      'layer1.0 ← layer1.0',
      'layer1.1 ← layer1.1',
      'layer1.2 ← layer1.0',
      'layer2.0 ← layer2.0',
      'layer2.1 ← layer2.1',
      'layer2.2 ← layer2.1',
      'layer3.0 ← layer3.0',
      'layer3.1 ← layer3.1',
      'layer3.2 ← layer3.1',
    ]);
    expect(copies.get('layer2.2.bn1.running_var')).toBe('meta.layer2.1.bn1.running_var');
  });

  it('needs a block of each kind in the shallow model', () => {
    const stack = () => copiesOf(finetune, { model: resnet, division: { modules: 3 }, method: { name: 'gstack' } });
    expect(stack).toThrow(
      expect.objectContaining({ code: 'CONFIG_DIVISION', message: expect.stringContaining('layer2.1') }),
    );
  });
});

describe('modules that begin as the meta model', () => {
  it.each(['incubation', 'imitation'])('take the blocks of their slices in turn (%s)', (name) => {
    const settings = { model: vit, division: { modules: 2, metaDepths: 2 }, method: { name, initialise: 'meta' } };
    expect(blocksOf(copiesOf(module(0), settings))).toEqual(['0 ← 0', '1 ← 1', '2 ← 0']);
    expect(blocksOf(copiesOf(module(1), settings))).toEqual(['3 ← 2', '4 ← 3', '5 ← 2']);
    expect(copiesOf(module(0), settings).has('cls_token')).toBe(true);
    expect(copiesOf(module(1), settings).has('cls_token')).toBe(false);
    expect(copiesOf(module(1), settings).get('norm.weight')).toBe('meta.norm.weight');
  });

  it('are drawn unless asked for', () => {
    expect(copiesOf(module(0), { model: vit, division: { modules: 2 } }).size).toBe(0);
  });
});
