import { randomUUID } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncDirectory, writeError } from './atomic-file.ts';
import { hasErrno, IncubateError } from './errors.ts';
import { makeDirectory } from './make-directory.ts';

const END = '.tmp';

/**
 * Makes a directory of a data set that appears whole or not at all: `fill` writes into a temporary one beside it, which then
 * gets the name. One process at a time may write to a path: what a killed one left is cleared away.
 *
 * @throws DATA_EXISTS where something is in the way, ENVIRONMENT_WRITE where writing fails, and what `fill` throws
 */
export async function writeDirectoryAtomic(
  directory: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const target = resolve(directory);
  const parent = dirname(target);
  const start = `.${basename(target)}-`;
  await assertFree(directory, target);
  const temporary = join(parent, `${start}${randomUUID()}${END}`);
  try {
    await makeDirectory(parent);
    for (const name of await readdir(parent)) {
      // By their length, as another directory's name may begin like this one's.
      const isLeft = name.startsWith(start) && name.endsWith(END) && name.length === basename(temporary).length;
      if (isLeft) await rm(join(parent, name), { recursive: true, force: true });
    }
    await makeDirectory(temporary);
    await fill(temporary);
    await syncDirectory(temporary);
    await rename(temporary, target);
    await syncDirectory(parent);
  } catch (error) {
    throw writeError(directory, error);
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}

async function assertFree(directory: string, target: string): Promise<void> {
  const existing = await readdir(target).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    if (hasErrno(error, 'ENOTDIR')) return ['.'];
    throw writeError(directory, error);
  });
  if (existing.length === 0) return;
  throw new IncubateError('DATA_EXISTS', `${directory} exists and is not empty`, {
    hint: 'Choose another --out, or remove it first.',
  });
}
