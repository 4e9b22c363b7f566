import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { timed } from '../../../src/data/timed.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'], now: 0 }));
afterEach(() => vi.useRealTimers());

/** Three items, each of which comes two seconds after it is asked for. */
async function* slowItems() {
  for (const item of [1, 2, 3]) {
    await sleep(1);
    vi.advanceTimersByTime(2000);
    yield item;
  }
}

async function waitsOf(idleSince: () => number) {
  const waits = { seconds: 0 };
  const items = [];
  for await (const item of timed(slowItems(), waits, idleSince)) {
    items.push(item);
    vi.advanceTimersByTime(10_000);
  }
  expect(items).toEqual([1, 2, 3]);
  return waits.seconds;
}

it('adds up what an idle taker waits for each item', async () => {
  expect(await waitsOf(() => 0)).toBe(6);
});

it('leaves out what passes while there is something else to do', async () => {
  expect(await waitsOf(() => Number.POSITIVE_INFINITY)).toBe(0);
  // The taker is busy for half a second of every wait.
  expect(await waitsOf(() => performance.now() - 1500)).toBe(4.5);
});
