import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../src/config/schema.ts';
import { divide } from '../../src/models/divide.ts';

const division = (settings: object) => runConfigSchema.parse({ division: settings }).division;
const depthsOf = (costs: number[], settings: object) =>
  divide(costs, division(settings)).map(({ from, to }) => to - from);

describe('divide', () => {
  it('covers every block once, in order, with no empty module', () => {
    const costs = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        costs,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom('depth', 'cost'),
        (blockCosts, wish, balance) => {
          const modules = Math.min(wish, blockCosts.length);
          const ranges = divide(blockCosts, division({ modules, balance }));
          expect(ranges.map(({ index }) => index)).toEqual(Array.from({ length: modules }, (_, index) => index));
          expect(ranges[0]?.from).toBe(0);
          expect(ranges.at(-1)?.to).toBe(blockCosts.length);
          for (const [index, { from, to }] of ranges.entries()) {
            expect(to).toBeGreaterThan(from);
            if (index > 0) expect(from).toBe(ranges[index - 1]?.to);
          }
        },
      ),
    );
  });

  it('balances cost as well as any division can', () => {
    const costs = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 9 });
    fc.assert(
      fc.property(costs, fc.integer({ min: 2, max: 4 }), (blockCosts, wish) => {
        const modules = Math.min(wish, blockCosts.length);
        const largest = (lengths: number[]) => {
          let from = 0;
          return Math.max(
            ...lengths.map((length) => {
              from += length;
              return blockCosts.slice(from - length, from).reduce((sum, cost) => sum + cost, 0);
            }),
          );
        };
        const all = compositions(blockCosts.length, modules).map(largest);
        expect(largest(depthsOf(blockCosts, { modules, balance: 'cost' }))).toBe(Math.min(...all));
      }),
    );
  });

  it('gives surplus blocks to the first modules', () => {
    expect(depthsOf(Array(10).fill(1), { modules: 4 })).toEqual([3, 3, 2, 2]);
  });

  it('takes uneven depths and meta depths as given', () => {
    const modules = divide(Array(12).fill(1), division({ modules: 4, depths: [4, 3, 3, 2], metaDepths: [1, 2, 1, 1] }));
    expect(modules.map(({ from, to, metaDepth }) => [from, to, metaDepth])).toEqual([
      [0, 4, 1],
      [4, 7, 2],
      [7, 10, 1],
      [10, 12, 1],
    ]);
  });

  it.each([
    [{ modules: 13 }, /12 blocks cannot be divided into 13 modules/],
    [{ modules: 4, depths: [4, 4, 4, 4] }, /4,4,4,4 add up to 16, not to the model's depth 12/],
    [{ modules: 4, depths: [6, 6] }, /lists 2 modules, but division.modules is 4/],
    [{ modules: 4, metaDepths: [1, 1] }, /metaDepths lists 2 slices for 4 modules/],
  ])('refuses %o', (settings, message) => {
    expect(() => divide(Array(12).fill(1), division(settings))).toThrow(message);
  });
});

/** All ways to write `total` as an ordered sum of `parts` positive numbers. */
function compositions(total: number, parts: number): number[][] {
  if (parts === 1) return [[total]];
  return Array.from({ length: total - parts + 1 }, (_, index) => index + 1).flatMap((first) =>
    compositions(total - first, parts - 1).map((rest) => [first, ...rest]),
  );
}
