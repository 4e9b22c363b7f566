import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { countParameters, partsOf } from '../../../src/models/architecture.ts';
import { buildArchitecture, describeModel } from '../../../src/models/registry.ts';
import type { IncubateError } from '../../../src/util/errors.ts';

const model = (settings: object) => runConfigSchema.parse({ model: settings }).model;

describe('the named vision transformers', () => {
  // Counts of timm's vit_*_patch16_224 and of the official Deep Incubation ViT-H/14 without qkv bias.
  it.each([
    ['vit-tiny', 5_717_416],
    ['vit-small', 22_050_664],
    ['vit-base', 86_567_656],
    ['vit-large', 304_326_632],
    ['vit-huge', 632_045_800 - 32 * 3 * 1280],
  ])('%s has %i parameters with 1000 classes', (name, parameters) => {
    expect(describeModel(model({ name }), 1000).parameters).toBe(parameters);
  });

  it.each([
    ['vit-base', 17.56e9],
    ['vit-large', 61.55e9],
    ['vit-huge', 167.3e9],
  ])('%s takes the published number of multiply-adds', (name, macs) => {
    expect(describeModel(model({ name }), 1000).macs / macs).toBeCloseTo(1, 2);
  });

  it.each([
    [32, 14.3e6],
    [128, 57.0e6],
  ])('DeiT-T with depth %i and patch 4 has the published size with 100 classes', (depth, parameters) => {
    const description = describeModel(model({ name: 'vit-tiny', depth, patch: 4, imageSize: 32 }), 100);
    expect(Math.round(description.parameters / 1e5)).toBe(parameters / 1e5);
  });

  it('leaves biases, norms, class token and positions without weight decay', () => {
    const architecture = buildArchitecture(model({ name: 'vit-tiny', depth: 2 }), 10);
    const decayed = partsOf(architecture).flatMap(({ parameters }) => parameters.filter(({ decay }) => decay));
    expect(decayed.map(({ name }) => name)).toEqual([
      'patch_embed.proj.weight',
      ...[0, 1].flatMap((block) =>
        ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'].map((linear) => `blocks.${block}.${linear}.weight`),
      ),
      'head.weight',
    ]);
    expect(countParameters(partsOf(architecture))).toBeGreaterThan(decayed.length);
  });

  it.each([
    [{ name: 'vit-bse' }, /unknown model 'vit-bse'/, /vit-base/],
    [{ name: 'vit-base', imageSize: 30 }, /image size 30 is not divisible by the patch size 16/, /model\.patch/],
    [{ name: 'vit-base', width: 100 }, /width 100 is not divisible by the number of heads 12/, /heads/],
  ])('refuses %o', (settings, message, hint) => {
    const build = () => buildArchitecture(model(settings), 10);
    expect(build).toThrow(message);
    try {
      build();
    } catch (error) {
      expect((error as IncubateError).code).toBe('CONFIG_MODEL');
      expect((error as IncubateError).hint).toMatch(hint);
    }
  });
});
