import { expect, it } from 'vitest';
import { createReplayBuffer } from '../../../src/stages/replay-buffer.ts';

/** What is taken, one after the other. */
async function taken<Item>(buffer: { take(): Promise<Item> }, count: number): Promise<Item[]> {
  const items: Item[] = [];
  for (let index = 0; index < count; index++) items.push(await buffer.take());
  return items;
}

it('gives the least used item, the newest of several', async () => {
  const buffer = createReplayBuffer<string>(3);
  for (const item of ['a', 'b', 'c']) buffer.put(item);
  expect(await taken(buffer, 4)).toEqual(['c', 'b', 'a', 'c']);
  buffer.put('d');
  expect(await taken(buffer, 3)).toEqual(['d', 'd', 'b']);
});

it('holds the latest only', async () => {
  const buffer = createReplayBuffer<number>(2);
  for (const item of [1, 2, 3]) buffer.put(item);
  expect(await taken(buffer, 4)).toEqual([3, 2, 3, 2]);
});

it('waits for the first item', async () => {
  const buffer = createReplayBuffer<string>(3);
  const both = Promise.all([buffer.take(), buffer.take()]);
  buffer.put('a');
  expect(await both).toEqual(['a', 'a']);
});

it('gives each item once where it holds one', async () => {
  const buffer = createReplayBuffer<string>(1);
  buffer.put('a');
  expect(await buffer.take()).toBe('a');
  const next = buffer.take();
  const first = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 20, 'nothing yet'))]);
  expect(first).toBe('nothing yet');
  buffer.put('b');
  expect(await next).toBe('b');
});
