import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createSharedFile, LABELS_OFFSET, MEMORY, openSharedFile } from '../../../src/loader/shared-file.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const inMemory = existsSync('/proc/self/fd') && existsSync(MEMORY);
const namesOf = (directory: string) => {
  const found = [directory, ...(inMemory ? [MEMORY] : [])].flatMap((place) => readdirSync(place));
  return found.filter((name) => name.startsWith('incubate-shared-file-test'));
};

it.each([
  ['a file without a name', inMemory],
  ['a file in a directory', false],
])('%s gives back what was written, to whoever opens it', (_, hides) => {
  const directory = join(temporaryDirectory(), 'incubate-shared-file-test');
  mkdirSync(directory);
  // What a loader that was killed has left.
  writeFileSync(join(directory, 'incubate-shared-file-test-1'), 'old');
  const labels = Int32Array.from({ length: 2_000 }, (_, index) => 3 * index - 7);
  const file = createSharedFile(directory, labels, 10_000, hides);
  const own = `incubate-shared-file-test-${process.pid}`;
  expect(namesOf(directory)).toEqual([hides ? 'incubate-shared-file-test-1' : own]);
  expect(file.first).toBe(3 * LABELS_OFFSET);
  expect(file.bytes).toBe(file.first + 10_000);
  const reader = openSharedFile(file.path, file.mark);
  const foundLabels = new Int32Array(labels.length);
  reader.read(new Uint8Array(foundLabels.buffer), LABELS_OFFSET);
  expect(foundLabels).toEqual(labels);
  const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => index * 7);
  file.write(bytes, file.first + 123);
  const found = new Uint8Array(bytes.length);
  reader.read(found, file.first + 123);
  expect(found).toEqual(bytes);
  expect(() => reader.read(found, file.bytes - 10)).toThrow('ends before');
  expect(() =>
    openSharedFile(
      file.path,
      file.mark.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    ),
  ).toThrow("is not the loader's file");
  file.close();
  // Who has it open can still read it.
  reader.read(found, file.first + 123);
  expect(found).toEqual(bytes);
  reader.close();
  expect(namesOf(directory)).toEqual(hides ? ['incubate-shared-file-test-1'] : []);
});
