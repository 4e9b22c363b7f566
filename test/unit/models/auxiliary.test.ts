import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { countParameters } from '../../../src/models/architecture.ts';
import type { AuxiliaryKind } from '../../../src/models/auxiliary.ts';
import { auxiliaryPart, buildArchitecture } from '../../../src/models/registry.ts';

function specOf(model: object, kind: AuxiliaryKind, block: number, outputs: number | null = null) {
  const target = buildArchitecture(runConfigSchema.parse({ model }).model, 100);
  return auxiliaryPart(target, { kind, name: 'part', block, outputs }).spec;
}
const shapesOf = (...given: Parameters<typeof specOf>) =>
  specOf(...given)
    .parameters.filter(({ statistic }) => !statistic)
    .map(({ name, shape }) => `${name.slice('part.'.length)} ${shape.join('×')}`);

describe('auxiliary parts of residual networks', () => {
  const resnet = { name: 'resnet-110', imageSize: 32 };

  // InfoPro: 16 → 32 and 32 → 64 with stride 2, 64 → 64.
  it.each([
    [0, 16, 32],
    [17, 16, 32],
    [18, 32, 64],
    [35, 32, 64],
    [36, 64, 64],
    [52, 64, 64],
  ])('a deep head after block %i has the channels %i → %i', (block, inputs, outputs) => {
    expect(shapesOf(resnet, 'deep', block, 128)).toEqual([
      `conv1.weight ${outputs}×${inputs}×3×3`,
      `bn1.weight ${outputs}`,
      `bn1.bias ${outputs}`,
      `fc1.weight 128×${outputs}`,
      'fc1.bias 128',
      'fc2.weight 128×128',
      'fc2.bias 128',
    ]);
  });

  it('a decoder has twelve channels before the image’s', () => {
    expect(shapesOf(resnet, 'decoder', 20)).toEqual([
      'conv1.weight 12×32×3×3',
      'bn1.weight 12',
      'bn1.bias 12',
      'conv2.weight 3×12×3×3',
      'conv2.bias 3',
    ]);
    // At the size of the image, whatever that of the features.
    expect(specOf(resnet, 'decoder', 20).macs).toBe(32 * 32 * 9 * (32 * 12 + 12 * 3));
  });

  it('of ImageNet’s, a decoder has four convolutions on growing sides', () => {
    const spec = specOf({ name: 'resnet-50', imageSize: 224 }, 'decoder', 5);
    expect(spec.parameters.filter(({ name }) => /conv\d\.weight/.test(name)).map(({ shape }) => shape)).toEqual([
      [128, 512, 1, 1],
      [32, 128, 3, 3],
      [12, 32, 3, 3],
      [3, 12, 3, 3],
    ]);
    expect(spec.macs).toBe(28 ** 2 * 512 * 128 + 9 * (56 ** 2 * 128 * 32 + 112 ** 2 * 32 * 12 + 224 ** 2 * 12 * 3));
  });

  it('a head of DGL has three 1×1 convolutions and three hidden layers of four times the channels', () => {
    const shapes = shapesOf(resnet, 'mlp-sr', 26);
    expect(shapes.filter((shape) => shape.startsWith('conv'))).toEqual(
      [1, 2, 3].map((layer) => `conv${layer}.weight 32×32×1×1`),
    );
    expect(shapes.filter((shape) => /^fc\d/.test(shape))).toEqual(
      [1, 2, 3].map((layer) => `fc${layer}.weight 128×128`),
    );
    expect(shapes.slice(-2)).toEqual(['out.weight 100×128', 'out.bias 100']);
    expect(specOf(resnet, 'mlp-sr', 26).macs).toBe(3 * (32 * 32 * 4 * 4 + 128 * 128) + 128 * 100);
  });
});

describe('auxiliary parts of vision transformers', () => {
  const vit = { name: 'vit-tiny', imageSize: 32, patch: 4 };

  it('heads read the class token by as many layers as those of residual networks', () => {
    expect(shapesOf(vit, 'linear', 3)).toEqual([
      'norm.weight 192',
      'norm.bias 192',
      'fc1.weight 100×192',
      'fc1.bias 100',
    ]);
    expect(shapesOf(vit, 'mlp-sr', 3).filter((shape) => shape.includes('weight'))).toEqual([
      'norm.weight 192',
      'fc1.weight 768×192',
      'fc2.weight 768×768',
      'fc3.weight 100×768',
    ]);
    const deep = specOf(vit, 'deep', 3, 128);
    const target = buildArchitecture(runConfigSchema.parse({ model: vit }).model, 100);
    expect(countParameters([deep]) - countParameters([target.blocks[0] as (typeof target.blocks)[number]])).toBe(
      2 * 192 + 192 * 128 + 128 + 128 * 128 + 128,
    );
  });

  it('a decoder holds fewer numbers than the features scaled to the image', () => {
    expect(shapesOf(vit, 'decoder', 3)).toEqual([
      'norm.weight 192',
      'norm.bias 192',
      'proj.weight 192×192',
      'bn.weight 12',
      'bn.bias 12',
      'conv.weight 3×12×3×3',
      'conv.bias 3',
    ]);
  });
});

describe.each(['gpt-nano', 'lstm', 'gru'])('auxiliary parts of %s', (name) => {
  const model = { name, width: 32, depth: 4, context: 6, ...(name === 'gpt-nano' && { heads: 2 }) };

  it('read every token, a decoder as the linear head', () => {
    const linear = ['norm.weight 32', 'norm.bias 32', 'fc1.weight 100×32', 'fc1.bias 100'];
    expect(shapesOf(model, 'linear', 1)).toEqual(linear);
    expect(shapesOf(model, 'decoder', 1)).toEqual(linear);
    expect(specOf(model, 'linear', 1).macs).toBe(6 * 32 * 100);
    expect(shapesOf(model, 'mlp-sr', 1).filter((shape) => shape.includes('fc'))).toEqual([
      'fc1.weight 128×32',
      'fc1.bias 128',
      'fc2.weight 128×128',
      'fc2.bias 128',
      'fc3.weight 100×128',
      'fc3.bias 100',
    ]);
  });

  it('have, where they are deep, a block of the network', () => {
    const deep = specOf(model, 'deep', 1);
    const { blocks } = buildArchitecture(runConfigSchema.parse({ model }).model, 100);
    const block = blocks[1] as (typeof blocks)[number];
    const within = (parameters: typeof block.parameters, prefix: string) =>
      parameters.flatMap(({ name, shape }) => (name.startsWith(prefix) ? [[name.slice(prefix.length), shape]] : []));
    expect(within(deep.parameters, 'part.block.')).toEqual(within(block.parameters, `${block.name}.`));
    expect(deep.macs).toBe(block.macs + 6 * (32 * 128 + 128 * 100));
  });
});
