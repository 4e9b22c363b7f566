import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MEMORY } from '../loader/shared-file.ts';

/** Where the loader of a session listens. */
export interface LoaderAddress {
  /** A socket's path, or on Windows a pipe's name. */
  readonly address: string;
  /** A directory that nobody else can look into. */
  readonly directory: string;
  /** Removes the directory with what is in it. */
  remove(): Promise<void>;
}

/** Longest path that a socket can have everywhere, bytes. */
const LONGEST_PATH = 100;

/**
 * Makes a place for a run's loader, and removes what killed sessions of the run have left. Only the holder of the run's lock
 * may call it. Rejects with what the system says.
 */
export async function makeLoaderAddress(runDirectory: string): Promise<LoaderAddress> {
  const root = shortDirectory();
  const prefix = `incubate-${createHash('sha256').update(resolve(runDirectory)).digest('hex').slice(0, 12)}-`;
  for (const place of [root, MEMORY]) await removeLeft(place, prefix);
  const directory = await mkdtemp(join(root, prefix));
  return {
    directory,
    address:
      process.platform === 'win32' ? `\\\\.\\pipe\\${directory.replaceAll(/\W/g, '-')}` : join(directory, 'loader'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function removeLeft(place: string, prefix: string): Promise<void> {
  const left = (await readdir(place).catch(() => [])).filter((name) => name.startsWith(prefix));
  // Somebody else's cannot be removed, and is not used either.
  for (const name of left) await rm(join(place, name), { recursive: true, force: true }).catch(() => {});
}

/** The directory of temporary files, or one with a shorter path where a socket in it could not be named. */
function shortDirectory(): string {
  const usual = tmpdir();
  const example = join(usual, 'incubate-0123456789ab-abcdef', 'loader');
  return Buffer.byteLength(example) > LONGEST_PATH && existsSync('/tmp') ? '/tmp' : usual;
}
