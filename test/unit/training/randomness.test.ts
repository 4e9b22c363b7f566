import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { divide } from '../../../src/models/divide.ts';
import { hybridNetwork, wholeNetwork } from '../../../src/models/network.ts';
import { buildArchitecture, metaArchitecture } from '../../../src/models/registry.ts';
import { drawMix } from '../../../src/tasks/mix.ts';
import { drawDropPath, planDropPath } from '../../../src/training/drop-path.ts';
import { microBatchRows, selectRows } from '../../../src/training/micro-batches.ts';

const config = runConfigSchema.parse({
  model: { name: 'vit-tiny', width: 24, heads: 2, depth: 8, patch: 4, imageSize: 8 },
});
const target = buildArchitecture(config.model, 10);
const modules = divide([1, 1, 1, 1, 1, 1, 1, 1], config.division);
const meta = metaArchitecture(target, modules);
const key = { seed: 0, stream: 'module-1', step: 3 };
const all = (count: number) => Array.from({ length: count }, (_, row) => row);

describe('stochastic depth', () => {
  // A meta block, two trained blocks, two meta blocks.
  const hybrid = hybridNetwork(target, meta, modules, 1, { modes: { before: 'train', after: 'train' } });

  it('grows linearly over the blocks of the network at hand', () => {
    expect(planDropPath(wholeNetwork(meta, 'meta'), 0.3, 4).rates).toEqual(
      [0, 0.1, 0.2, 0.3].map((rate) => expect.closeTo(rate)),
    );
  });

  it('spares frozen slices in evaluation mode and includes them in training mode', () => {
    expect(planDropPath(hybridNetwork(target, meta, modules, 1), 0.4, 4).rates).toEqual(
      [0, 0.1, 0.2, 0, 0].map((rate) => expect.closeTo(rate)),
    );
    expect(planDropPath(hybrid, 0.4, 4).rates).toEqual([0, 0.1, 0.2, 0.3, 0.4].map((rate) => expect.closeTo(rate)));
    expect(planDropPath(hybrid, 0, 4).feed).toBeNull();
  });

  it('drops the stated share and keeps the expectation', () => {
    const plan = planDropPath(hybrid, 0.8, 1000);
    const { data, shape } = drawDropPath(plan, 1000, all(1000), key);
    expect(shape).toEqual([5, 2, 1000]);
    plan.rates.forEach((rate, block) => {
      const values = [...data.subarray(block * 2000, (block + 1) * 2000)];
      expect(values.filter((value) => value === 0).length / 2000).toBeCloseTo(rate, 1);
      expect(values.reduce((sum, value) => sum + value, 0) / 2000).toBeCloseTo(1, 0);
      for (const value of values) if (value !== 0) expect(value).toBeCloseTo(1 / (1 - rate));
    });
  });

  it('is the same however the batch is divided', () => {
    const plan = planDropPath(hybrid, 0.5, 8);
    const whole = drawDropPath(plan, 8, all(8), key).data;
    const part = drawDropPath(plan, 8, [1, 6], key).data;
    for (let branch = 0; branch < 10; branch++) {
      expect(part[branch * 2]).toBe(whole[branch * 8 + 1]);
      expect(part[branch * 2 + 1]).toBe(whole[branch * 8 + 6]);
    }
  });
});

describe('micro-batches', () => {
  it.each([
    [8, 1],
    [8, 2],
    [12, 3],
    [6, 2],
    [5, 5],
  ])('of %i samples in %i hold every sample once', (batch, count) => {
    const rows = all(count).flatMap((index) => microBatchRows(batch, count, index));
    expect([...rows].sort((a, b) => a - b)).toEqual(all(batch));
  });

  it('pair the samples that the whole batch pairs', () => {
    for (let index = 0; index < 3; index++) {
      const rows = microBatchRows(12, 3, index);
      for (const [place, row] of rows.entries()) expect(rows[rows.length - 1 - place]).toBe(11 - row);
    }
  });

  it('copy images, labels and weights together', () => {
    const batch = {
      images: Uint8Array.of(0, 0, 1, 1, 2, 2, 3, 3),
      labels: Int32Array.of(10, 11, 12, 13),
      weights: Float32Array.of(1, 1, 1, 0),
    };
    expect(selectRows(batch, [3, 1])).toEqual({
      images: Uint8Array.of(3, 3, 1, 1),
      labels: Int32Array.of(13, 11),
      weights: Float32Array.of(0, 1),
    });
  });
});

describe('mixing', () => {
  const draw = (settings: object, step: number) => {
    const feeds = drawMix({ ...config.training, ...settings }, 16, 0, 'meta', step);
    return { pixels: [...(feeds.mixPixels?.data ?? [])], share: feeds.mixShare?.data[0] ?? Number.NaN };
  };

  it('by mixup weighs all pixels and the label alike', () => {
    for (let step = 0; step < 20; step++) {
      const { pixels, share } = draw({ cutmix: 0 }, step);
      expect(new Set(pixels)).toEqual(new Set([share]));
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });

  it('by cutmix gives the label the share of the pixels that are left', () => {
    for (let step = 0; step < 50; step++) {
      const { pixels, share } = draw({ mixup: 0 }, step);
      expect(pixels.every((weight) => weight === 0 || weight === 1)).toBe(true);
      expect(share).toBeCloseTo(pixels.reduce((sum, weight) => sum + weight, 0) / 256, 6);
    }
  });

  it('leaves the stated share of the batches alone', () => {
    const untouched = all(400).filter((step) => draw({ mixProbability: 0.25 }, step).share === 1);
    expect(untouched.length / 400).toBeCloseTo(0.75, 1);
  });
});
