import type { RunConfig } from '../config/schema.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';

/**
 * Divides a network's blocks into K contiguous modules.
 *
 * @param blockCosts cost of each block, in any unit; their number is the network's depth
 * @throws CONFIG_DIVISION where the blocks cannot be divided as asked.
 */
export function divide(blockCosts: readonly number[], division: RunConfig['division']): ModulePlan[] {
  const depth = blockCosts.length;
  const depths = division.depths ?? balancedDepths(blockCosts, division);
  if (depths.length !== division.modules) {
    throw new IncubateError(
      'CONFIG_DIVISION',
      `division.depths lists ${depths.length} modules, but division.modules is ${division.modules}`,
      { hint: `Give ${division.modules} depths, or set --modules ${depths.length}.` },
    );
  }
  const sum = depths.reduce((total, blocks) => total + blocks, 0);
  if (sum !== depth) {
    throw new IncubateError(
      'CONFIG_DIVISION',
      `the depths ${depths.join(',')} add up to ${sum}, not to the model's depth ${depth}`,
      {
        hint: `Change --depths so that they add up to ${depth}, or model.depth to ${sum}.`,
      },
    );
  }
  const metaDepths = metaDepthsOf(division);
  let from = 0;
  return depths.map((blocks, index) => {
    const module = { index, from, to: from + blocks, metaDepth: metaDepths[index] as number };
    from += blocks;
    return module;
  });
}

function metaDepthsOf({ metaDepths, modules }: RunConfig['division']): readonly number[] {
  if (typeof metaDepths === 'number') return Array.from({ length: modules }, () => metaDepths);
  if (metaDepths.length === modules) return metaDepths;
  throw new IncubateError(
    'CONFIG_DIVISION',
    `division.metaDepths lists ${metaDepths.length} slices for ${modules} modules`,
    {
      hint: 'Give one meta depth per module, or a single number for all.',
    },
  );
}

function balancedDepths(blockCosts: readonly number[], { modules, balance }: RunConfig['division']): number[] {
  if (modules > blockCosts.length) {
    throw new IncubateError(
      'CONFIG_DIVISION',
      `a model of ${blockCosts.length} blocks cannot be divided into ${modules} modules`,
      { hint: `Set --modules to at most ${blockCosts.length}, or choose a deeper model.` },
    );
  }
  return smallestLargestSum(balance === 'depth' ? blockCosts.map(() => 1) : blockCosts, modules);
}

/**
 * Lengths of `count` contiguous, non-empty ranges of `costs` whose largest sum is as small as possible; among the best
 * divisions the most even one (least sum of squares). Dynamic programming over (ranges used, blocks used).
 */
export function smallestLargestSum(costs: readonly number[], count: number): number[] {
  interface Division {
    readonly largest: number;
    readonly squares: number;
    readonly lengths: readonly number[];
  }
  const prefix = [0];
  for (const cost of costs) prefix.push((prefix.at(-1) as number) + cost);

  let best: (Division | undefined)[] = [{ largest: 0, squares: 0, lengths: [] }];
  for (let ranges = 1; ranges <= count; ranges++) {
    const next: (Division | undefined)[] = [];
    for (let end = ranges; end <= costs.length; end++) {
      for (let start = ranges - 1; start < end; start++) {
        const before = best[start];
        if (!before) continue;
        const sum = (prefix[end] as number) - (prefix[start] as number);
        const candidate = {
          largest: Math.max(before.largest, sum),
          squares: before.squares + sum * sum,
          lengths: [...before.lengths, end - start],
        };
        const known = next[end];
        // `<=` prefers late starts, so surplus blocks go to the first modules: 10 blocks in 4 modules are 3, 3, 2, 2.
        const better =
          !known ||
          candidate.largest < known.largest ||
          (candidate.largest === known.largest && candidate.squares <= known.squares);
        if (better) next[end] = candidate;
      }
    }
    best = next;
  }
  return [...(best[costs.length] as Division).lengths];
}
