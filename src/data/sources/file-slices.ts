import { type FileHandle, open } from 'node:fs/promises';
import { readFully } from './byte-reader.ts';
import { fileError, readError } from './file-error.ts';

/** Files that stay open at a time. */
const MOST = 64;
/** Least recently used first. */
const opened = new Map<string, Promise<FileHandle>>();

/**
 * Reads a part of a file. Files stay open for further parts, a limited number of them.
 *
 * @throws DATA_FILE where the file cannot be read, or ends before the part does.
 */
export async function readSlice(path: string, offset: number, length: number): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(length);
    const file = await handle(path);
    const filled = await readFully(file, bytes, offset);
    if (filled === length) return bytes;
    throw fileError(path, `it ends at byte ${offset + filled}, but what lies at ${offset} has ${length} bytes`);
  } catch (error) {
    throw readError(path, error);
  }
}

function handle(path: string): Promise<FileHandle> {
  const known = opened.get(path);
  opened.delete(path);
  const file = known ?? open(path);
  opened.set(path, file);
  // Not kept, so that a file that comes back is found again.
  file.catch(() => opened.delete(path));
  for (const [oldest, stale] of opened) {
    if (opened.size <= MOST) break;
    opened.delete(oldest);
    // A read that is under way is waited for.
    void stale.then((unused) => unused.close()).catch(() => {});
  }
  return file;
}
