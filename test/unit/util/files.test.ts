import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../../src/util/atomic-file.ts';
import { makeDirectory } from '../../../src/util/make-directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'incubate files '));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writeFileAtomic', () => {
  it('replaces a file and clears away what a crash left of it, but nothing of other files', async () => {
    for (const name of ['a.json', 'a.json.4f1c.tmp', 'b.json.4f1c.tmp']) writeFileSync(join(folder, name), 'old');
    await writeFileAtomic(join(folder, 'a.json'), 'new');
    expect(readdirSync(folder).sort()).toEqual(['a.json', 'b.json.4f1c.tmp']);
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('new');
  });

  it('names the path and the cause where it cannot write', async () => {
    const path = join(folder, 'none', 'a.json');
    await expect(writeFileAtomic(path, '')).rejects.toMatchObject({
      code: 'ENVIRONMENT_WRITE',
      message: expect.stringMatching(/cannot write .*none\/a\.json: ENOENT/),
    });
  });
});

describe('makeDirectory', () => {
  it('makes what is missing and leaves what is there', async () => {
    const path = join(folder, 'a', 'b', 'c');
    await makeDirectory(path);
    writeFileSync(join(path, 'file'), '');
    await makeDirectory(path);
    expect(readdirSync(path)).toEqual(['file']);
  });

  it('fails where a file or a link to nowhere is in the way', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'there'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    await expect(makeDirectory(join(folder, 'file'))).rejects.toThrow('EEXIST');
    await expect(makeDirectory(join(folder, 'file', 'a'))).rejects.toThrow('ENOTDIR');
    await expect(makeDirectory(join(folder, 'link', 'a'))).rejects.toThrow('ENOENT');
  });
});
