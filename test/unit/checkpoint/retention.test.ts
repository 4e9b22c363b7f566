import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findCheckpoint, saveCheckpoint } from '../../../src/checkpoint/directory.ts';

const fresh = () => mkdtemp(join(tmpdir(), 'incubate retention '));
const save = (root: string, step: number, score: number | null, keep = 2) =>
  saveCheckpoint(root, step, { 'a.txt': `step ${step}` }, keep, { score });
const stepsIn = async (root: string) =>
  (await readdir(root)).map((name) => Number(name.slice('step-'.length))).sort((a, b) => a - b);

it('keeps the best beside the newest, whatever comes after it', async () => {
  const root = await fresh();
  for (const [step, score] of [
    [1, 0.5],
    [2, 0.9],
    [3, 0.7],
    [4, null],
    [5, 0.8],
  ] as const)
    await save(root, step, score);
  expect(await stepsIn(root)).toEqual([2, 4, 5]);
  await save(root, 6, 0.9);
  expect(await stepsIn(root)).toEqual([5, 6]);
  await save(root, 7, Number.NaN);
  await save(root, 8, 0.1);
  expect(await stepsIn(root)).toEqual([6, 7, 8]);
});

it('falls back to the best where the newest are damaged, and takes none that is torn for the best', async () => {
  const root = await fresh();
  for (const step of [1, 2, 3, 4]) await save(root, step, 1 / step);
  for (const step of [3, 4]) await truncate(join(root, `step-0000000${step}`, 'a.txt'), 1);
  expect((await findCheckpoint(root)).checkpoint?.step).toBe(1);
  await truncate(join(root, 'step-00000001', 'a.txt'), 1);
  await save(root, 5, 0.01);
  await save(root, 6, 0.02);
  await save(root, 7, 0.03);
  expect(await stepsIn(root)).toEqual([6, 7]);
});

it('after any saves, in any order, the newest and the best of those that training still has are there', async () => {
  const saves = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.option(fc.integer({ min: 0, max: 4 }))), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(saves, fc.integer({ min: 1, max: 3 }), async (list, keep) => {
      const root = await fresh();
      let expected = new Map<number, number | null>();
      for (const [step, score] of list) {
        await save(root, step, score, keep);
        // Saving an earlier step means that training went back to before the later ones.
        expected.set(step, score);
        const left = [...expected].filter(([at]) => at <= step).sort(([a], [b]) => a - b);
        const top = Math.max(...left.map(([, value]) => value ?? Number.NEGATIVE_INFINITY));
        const best = left.findLast(([, value]) => value === top);
        expected = new Map(left.filter((entry, index) => index >= left.length - keep || entry === best));
        expect(await stepsIn(root)).toEqual([...expected.keys()]);
        expect((await findCheckpoint(root)).checkpoint?.step).toBe(step);
      }
      await rm(root, { recursive: true });
    }),
    { numRuns: 40 },
  );
});
