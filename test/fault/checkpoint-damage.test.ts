import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTraining, saveTraining } from '../../src/worker/checkpoints.ts';
import { thorough } from '../support/faults.ts';
import { createTinyRun, runWorkerByHand, tinyRuns } from '../support/tiny-run.ts';

const runs = tinyRuns();
let runDirectory: string;
/** The checkpoints that the real worker of a job leaves: of the steps 10 and 12. */
let root: string;
let newest: string;
beforeAll(async () => {
  runDirectory = await createTinyRun(runs, 'damaged');
  expect((await runWorkerByHand(runDirectory, 'meta')).exitCode).toBe(0);
  root = join(runDirectory, 'jobs', 'meta', 'checkpoints');
  newest = join(root, 'step-00000012');
});
afterAll(() => runs.remove());

const files = ['adam-m.safetensors', 'adam-v.safetensors', 'manifest.json', 'parameters.safetensors', 'progress.json'];

/** Damages a file of the newest checkpoint, which must then be told of and passed over, and repairs it. */
async function expectDetected(name: string, damage: (path: string, content: Buffer) => void) {
  const path = join(newest, name);
  const content = readFileSync(path);
  damage(path, content);
  const { saved, rejected } = await findTraining(root);
  expect(saved?.progress.step).toBe(10);
  expect(rejected).toEqual([{ directory: newest, reason: expect.stringMatching(/\w/) }]);
  writeFileSync(path, content);
}

it('a checkpoint of a real worker is made of these files, and is used as it is', async () => {
  expect(readdirSync(newest).sort()).toEqual(files);
  expect(await findTraining(root)).toMatchObject({ saved: { progress: { step: 12 } }, rejected: [] });
});

describe.each(files)('%s of the newest checkpoint', (name) => {
  it('truncated at each sixteenth of its length is detected, and the checkpoint before is used', async () => {
    const { size } = statSync(join(newest, name));
    for (let part = 0; part < 16; part++) {
      await expectDetected(name, (path) => truncateSync(path, Math.floor((part * size) / 16)));
    }
  });

  it('with one bit flipped is detected, and the checkpoint before is used', async () => {
    const { size } = statSync(join(newest, name));
    // The whole manifest and the whole header of every file of tensors; the data here and there.
    const dense = name === 'manifest.json' ? size : 600;
    const step = thorough ? 1 : 41;
    for (let at = 0; at < size; at += at < dense ? step : Math.ceil(size / (thorough ? 40 : 8))) {
      await expectDetected(name, (path, content) => {
        const flipped = Buffer.from(content);
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
        writeFileSync(path, flipped);
      });
    }
  });

  it.each([
    ['missing', (path: string) => rmSync(path)],
    ['longer than it was', (path: string, content: Buffer) => writeFileSync(path, Buffer.concat([content, content]))],
  ])('%s is detected, and the checkpoint before is used', async (_, damage) => {
    await expectDetected(name, damage);
  });
});

it('a file more is detected, and the checkpoint before is used', async () => {
  writeFileSync(join(newest, 'more'), '');
  const { saved, rejected } = await findTraining(root);
  expect(saved?.progress.step).toBe(10);
  expect(rejected[0]?.reason).toBe('more is not in its manifest');
  rmSync(join(newest, 'more'));
});

it('every checkpoint damaged: training begins anew, with all of them told', async () => {
  const copy = join(runs.folder, 'all damaged');
  cpSync(root, copy, { recursive: true });
  const steps = readdirSync(copy);
  for (const step of steps) truncateSync(join(copy, step, 'parameters.safetensors'), 100);
  const { saved, rejected } = await findTraining(copy);
  expect(saved).toBeNull();
  expect(rejected).toHaveLength(steps.length);
});

it('retention keeps the newest valid and the best one, whatever is damaged', async () => {
  const copy = join(runs.folder, 'kept');
  const state = await (await findTraining(root)).saved?.read();
  if (!state) throw new Error('there is a checkpoint');
  const save = (step: number, score: number) =>
    saveTraining(copy, { ...state, progress: { ...state.progress, step } }, 1, { score });
  await save(1, 0.5);
  await save(2, 0.9);
  await save(3, 0.7);
  expect(readdirSync(copy).sort()).toEqual(['step-00000002', 'step-00000003']);
  truncateSync(join(copy, 'step-00000003', 'progress.json'), 1);
  expect((await findTraining(copy)).saved?.progress.step).toBe(2);
  await save(3, 0.1);
  expect(readdirSync(copy).sort()).toEqual(['step-00000002', 'step-00000003']);
});

it('the real worker tells of the damage, goes on from the checkpoint before, and ends with the same weights', async () => {
  const job = join(runDirectory, 'jobs', 'meta');
  const before = JSON.parse(readFileSync(join(job, 'result.json'), 'utf8'));
  rmSync(join(job, 'result.json'));
  truncateSync(join(newest, 'adam-v.safetensors'), 1000);
  expect((await runWorkerByHand(runDirectory, 'meta')).exitCode).toBe(0);
  const after = JSON.parse(readFileSync(join(job, 'result.json'), 'utf8'));
  expect(after.weights).toEqual(before.weights);
  expect((await findTraining(root)).saved?.progress.step).toBe(12);
});
