import { expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { slotBytes } from '../../../src/loader/batch-slots.ts';
import { planMemory } from '../../../src/loader/memory.ts';

const configOf = (data: object) =>
  runConfigSchema.parse({ model: { imageSize: 32 }, training: { batchSize: 100 }, data: { prefetch: 4, ...data } });
const MIB = 2 ** 20;
const imageBytes = 3072;
const batchBytes = 8 + 100 * (4 + 4 + imageBytes);

it('gives all memory to images where they are shared', () => {
  expect(planMemory(configOf({ sharing: 'images', cacheMiB: 10 }), 60_000, 4)).toMatchObject({
    sharedBytes: 10 * MIB,
    privateMiB: 0,
    slots: 0,
  });
});

it('keeps the decoded images beside the batches where all of them fit', () => {
  const plan = planMemory(configOf({ sharing: 'batches', cacheMiB: 200 }), 60_000, 4);
  expect(plan.slotBytes).toBe(batchBytes);
  expect(slotBytes(100, imageBytes)).toBe(batchBytes);
  expect(plan.privateMiB * MIB).toBe(60_000 * imageBytes);
  expect(plan.slots).toBe(Math.floor((200 * MIB - 60_000 * imageBytes) / batchBytes));
  expect(plan.sharedBytes + plan.privateMiB * MIB).toBeLessThanOrEqual(200 * MIB);
});

it('gives all memory to batches where the images do not fit beside those that jobs need at once', () => {
  const few = planMemory(configOf({ sharing: 'batches', cacheMiB: (60_000 * imageBytes) / MIB }), 60_000, 4);
  expect(few).toMatchObject({ privateMiB: 0, slots: Math.floor((60_000 * imageBytes) / batchBytes) });
  expect(planMemory(configOf({ sharing: 'batches', cacheMiB: 0 }), 60_000, 4)).toMatchObject({
    privateMiB: 0,
    slots: 2,
  });
});
