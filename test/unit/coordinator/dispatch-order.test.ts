import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dispatchOrder } from '../../../src/coordinator/dispatch-order.ts';

/** When the last of jobs ends that begin in an order, each on the place that is free first. */
function makespan(costs: readonly number[], order: readonly number[], places: number): number {
  const free = new Array<number>(places).fill(0);
  for (const job of order) {
    const first = free.indexOf(Math.min(...free));
    free[first] = (free[first] as number) + (costs[job] as number);
  }
  return Math.max(...free);
}

/** The shortest possible schedule, over every assignment. */
function shortest(costs: readonly number[], places: number): number {
  const loads = new Array<number>(places).fill(0);
  const place = (job: number): number => {
    const cost = costs[job];
    if (cost === undefined) return Math.max(...loads);
    return Math.min(
      ...loads.map((load, index) => {
        loads[index] = load + cost;
        const ends = place(job + 1);
        loads[index] = load;
        return ends;
      }),
    );
  };
  return place(0);
}

const longestFirst = (costs: readonly number[]) =>
  costs.map((_, index) => index).sort((a, b) => (costs[b] as number) - (costs[a] as number));
const costs = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength });

test('the last job ends as early as in the best of all schedules', () => {
  fc.assert(
    fc.property(costs(8), fc.integer({ min: 1, max: 4 }), (list, places) => {
      const order = dispatchOrder(list, places);
      expect([...order].sort((a, b) => a - b)).toEqual(list.map((_, index) => index));
      expect(makespan(list, order, places)).toBe(shortest(list, places));
    }),
    { numRuns: 300 },
  );
});

test('which longest first alone is not, even with few jobs', () => {
  const list = [3, 3, 2, 2, 2];
  expect(makespan(list, longestFirst(list), 2)).toBe(7);
  expect(makespan(list, dispatchOrder(list, 2), 2)).toBe(6);
});

test('with many jobs it takes no long time and is not worse than longest first', () => {
  fc.assert(
    fc.property(costs(60), fc.integer({ min: 1, max: 8 }), (list, places) => {
      const started = performance.now();
      const order = dispatchOrder(list, places);
      expect(performance.now() - started).toBeLessThan(2_000);
      expect(makespan(list, order, places)).toBeLessThanOrEqual(makespan(list, longestFirst(list), places));
    }),
    { numRuns: 60 },
  );
});
