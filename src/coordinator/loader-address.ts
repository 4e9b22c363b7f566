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

/** Makes a place for a run's loader. Rejects with what the system says. */
export async function makeLoaderAddress(runDirectory: string): Promise<LoaderAddress> {
  const directory = await mkdtemp(join(shortDirectory(), prefixOf(runDirectory)));
  return {
    directory,
    address:
      process.platform === 'win32' ? `\\\\.\\pipe\\${directory.replaceAll(/\W/g, '-')}` : join(directory, 'loader'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Removes what loaders of killed sessions of a run have left. Only the holder of the run's lock may call it. */
export async function removeLoaderRemains(runDirectory: string): Promise<void> {
  for (const place of [shortDirectory(), MEMORY]) {
    const names = await readdir(place).catch(() => []);
    const left = names.filter((name) => name.startsWith(prefixOf(runDirectory)));
    // Somebody else's cannot be removed, and is not used either.
    for (const name of left) await rm(join(place, name), { recursive: true, force: true }).catch(() => {});
  }
}

function prefixOf(runDirectory: string): string {
  return `incubate-${createHash('sha256').update(resolve(runDirectory)).digest('hex').slice(0, 12)}-`;
}

/** The directory of temporary files, or one with a shorter path where a socket in it could not be named. */
function shortDirectory(): string {
  const usual = tmpdir();
  const example = join(usual, 'incubate-0123456789ab-abcdef', 'loader');
  return Buffer.byteLength(example) > LONGEST_PATH && existsSync('/tmp') ? '/tmp' : usual;
}
