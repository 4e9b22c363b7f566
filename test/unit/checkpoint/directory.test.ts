import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { findCheckpoint, saveCheckpoint } from '../../../src/checkpoint/directory.ts';

let root: string;
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'incubate checkpoints '));
  root = join(folder, 'checkpoints');
  return () => rm(folder, { recursive: true });
});

const save = (step: number, keep = 10) =>
  saveCheckpoint(root, step, { 'a.txt': `step ${step}`, 'b.bin': Uint8Array.of(step) }, keep);

describe('checkpoint directories', () => {
  it('are found in numeric order', async () => {
    expect(await findCheckpoint(root)).toEqual({ checkpoint: null, rejected: [] });
    for (const step of [99_999_999, 9, 100_000_000, 10]) await saveCheckpoint(root, step, {}, 10);
    // Saving an earlier step means that training went back to before the later ones.
    expect((await findCheckpoint(root)).checkpoint?.step).toBe(10);
    await saveCheckpoint(root, 99_999_999, {}, 10);
    await saveCheckpoint(root, 100_000_000, {}, 10);
    expect((await findCheckpoint(root)).checkpoint?.step).toBe(100_000_000);
  });

  it('keep the newest only', async () => {
    for (const step of [1, 2, 3, 10]) await save(step, 2);
    expect((await readdir(root)).sort()).toEqual(['step-00000003', 'step-00000010']);
  });

  it('replace one of the same step', async () => {
    await save(1);
    const { directory } = await saveCheckpoint(root, 1, { 'a.txt': 'again' }, 10);
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('again');
    expect((await findCheckpoint(root)).rejected).toEqual([]);
  });

  it('clear away what a crash left behind', async () => {
    await mkdir(join(root, '.step-00000001-crashed'), { recursive: true });
    await save(2);
    expect(await readdir(root)).toEqual(['step-00000002']);
  });

  const damages: [string, (directory: string) => Promise<unknown>, RegExp][] = [
    ['a truncated file', (directory) => truncate(join(directory, 'a.txt'), 3), /a\.txt has 3 bytes instead of 6/],
    [
      'a changed byte',
      (directory) => writeFile(join(directory, 'a.txt'), 'step 3'),
      /a\.txt does not match its SHA-256/,
    ],
    ['a missing file', (directory) => rm(join(directory, 'b.bin')), /ENOENT.*b\.bin/],
    ['an extra file', (directory) => writeFile(join(directory, 'c.txt'), ''), /c\.txt is not in its manifest/],
    ['no manifest', (directory) => rm(join(directory, 'manifest.json')), /ENOENT.*manifest/],
    ['a torn manifest', (directory) => truncate(join(directory, 'manifest.json'), 20), /JSON/],
    ['an empty manifest', (directory) => truncate(join(directory, 'manifest.json'), 0), /JSON/],
  ];
  it.each(damages)('with %s are passed over for the one before', async (_, damage, reason) => {
    const before = await save(1);
    const { directory } = await save(2);
    await damage(directory);
    const found = await findCheckpoint(root);
    expect(found.checkpoint).toEqual(before);
    expect(found.rejected).toEqual([{ directory, reason: expect.stringMatching(reason) }]);
    // Retention must not count the damaged one in place of the only good one.
    await saveCheckpoint(root, 1, { 'a.txt': 'resumed' }, 1);
    expect((await findCheckpoint(root)).checkpoint?.step).toBe(1);
  });
});
