import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { chooseSubset, imagesOf } from '../../../src/data/subset.ts';
import { dataConfig } from '../../support/data-config.ts';

const classes = ['a', 'b', 'c'];
/** Items of three classes, of which the last is rare. */
const items = Array.from({ length: 210 }, (_, index) => ({ index, label: index % 21 === 20 ? 2 : index % 2 }));
const choose = (limit: number | string | null, shots: number | null = null, seed = 0) =>
  chooseSubset(items, { limit, shots }, { seed, split: 'train', classes }).map(({ index }) => index);
const countOf = (chosen: readonly number[], label: number) =>
  chosen.filter((index) => items[index]?.label === label).length;

describe('a subset', () => {
  it('has the size that is asked for, in the order of the whole', () => {
    expect(choose(30)).toHaveLength(30);
    expect(choose('10%')).toHaveLength(21);
    expect(choose('0.1%')).toHaveLength(1);
    expect(choose('100%')).toEqual(items.map(({ index }) => index));
    expect(choose(null)).toEqual(choose('100%'));
    expect(choose(50)).toEqual([...choose(50)].sort((a, b) => a - b));
  });

  it('is balanced as far as there are enough', () => {
    expect([0, 1, 2].map((label) => countOf(choose(24), label))).toEqual([8, 8, 8]);
    expect([0, 1, 2].map((label) => countOf(choose(100), label))).toEqual([45, 45, 10]);
  });

  it('is contained in every larger one of the same seed, counted or as a share or by shots', () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 210 }).map((limit) => choose(limit)),
      fc.integer({ min: 1, max: 1000 }).map((tenths) => choose(`${(tenths / 10).toFixed(1)}%`)),
      fc.integer({ min: 1, max: 10 }).map((shots) => choose(null, shots)),
    );
    fc.assert(
      fc.property(size, size, (one, other) => {
        const [small, large] = one.length <= other.length ? [one, other] : [other, one];
        const there = new Set(large);
        return small.every((index) => there.has(index));
      }),
      { numRuns: 300 },
    );
  });

  it('depends on the seed alone', () => {
    expect(choose(30)).toEqual(choose(30));
    expect(choose(30, null, 1)).not.toEqual(choose(30));
    expect(choose(null, 5, 1)).not.toEqual(choose(null, 5));
  });

  it('of a few shots has exactly so many of every class, or is refused', () => {
    expect([0, 1, 2].map((label) => countOf(choose(null, 5), label))).toEqual([5, 5, 5]);
    expect(() => choose(null, 11)).toThrow(
      expect.objectContaining({
        code: 'DATA_TOO_FEW',
        message: expect.stringContaining("the class 'c' has 10 train images"),
        hint: expect.stringContaining('at most 10'),
      }),
    );
  });

  it('takes a share of what there is', () => {
    expect([imagesOf('25%', 400), imagesOf('12.5%', 8), imagesOf(7, 400), imagesOf(null, 9)]).toEqual([
      100,
      1,
      7,
      null,
    ]);
  });
});

describe('of the generated images', () => {
  it('is the first ones', async () => {
    const whole = await openDataset(dataConfig('shapes', {}, { imageSize: 8 }));
    for (const data of [{ trainLimit: 40 }, { trainLimit: '1%' }, { shots: 3 }]) {
      const { identity, train } = await openDataset(dataConfig('shapes', data, { imageSize: 8 }));
      expect(identity.train).toBe(data.shots === undefined ? (data.trainLimit === 40 ? 40 : 60) : 30);
      expect(new Uint8Array(await train.image(25))).toEqual(new Uint8Array(await whole.train.image(25)));
    }
    await expect(describeDataset(dataConfig('shapes', { shots: 601 }))).rejects.toMatchObject({ code: 'DATA_TOO_FEW' });
  });
});

describe('on the command line', () => {
  it.each([
    ['25%', '25%'],
    ['100', 100],
    ['0.5%', '0.5%'],
    ['100%', '100%'],
  ])('--subset %s', async (text, value) => {
    expect((await resolveConfig({ flags: { subset: text } })).config.data.trainLimit).toBe(value);
  });

  it.each(['0', '-5', '0%', '101%', '25 %', 'a quarter', '1e2%', '5%%', '0.25'])(
    '--subset %s is refused',
    async (text) => {
      await expect(resolveConfig({ flags: { subset: text } })).rejects.toMatchObject({
        code: 'CONFIG_VALUE',
        message: expect.stringContaining("a whole number above 0 or a text such as '25%' or null"),
      });
    },
  );

  it('--shots does not go with --subset', async () => {
    expect((await resolveConfig({ flags: { shots: '5' } })).config.data.shots).toBe(5);
    await expect(resolveConfig({ flags: { shots: '5', subset: '10' } })).rejects.toMatchObject({
      code: 'CONFIG_VALUE',
    });
  });
});
