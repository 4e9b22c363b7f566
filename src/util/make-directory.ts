import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasErrno } from './errors.ts';

/**
 * Creates a directory and those above it; one that is there is fine. Rejects with what the system said: Node's own
 * recursive `mkdir` calls a full or read-only disk "no such file or directory".
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT') || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasErrno(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error;
  }
}
