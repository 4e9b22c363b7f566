import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readFile } from '../../../src/data/decoding/read-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'incubate read file '));
afterAll(() => rm(directory, { recursive: true }));

/** Around the sizes at which memory is kept, grows, and is no longer kept. */
const SIZES = [0, 1, 1000, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1, 2 ** 20, 2 ** 24, 2 ** 24 + 5, 700, 0];

it('reads files of any size, in any order', async () => {
  for (const [index, size] of SIZES.entries()) {
    const path = join(directory, 'file');
    const bytes = Buffer.alloc(size, `file ${index} `);
    await writeFile(path, bytes);
    const read = readFile(path);
    expect(read.length).toBe(size);
    expect(Buffer.compare(read, bytes), `${size} bytes`).toBe(0);
  }
});

it.each([
  ['is not there', 'none', 'ENOENT'],
  ['is a directory', '.', 'EISDIR'],
])('fails for a file that %s', (_, name, code) => {
  expect(() => readFile(join(directory, name))).toThrow(expect.objectContaining({ code }));
});
