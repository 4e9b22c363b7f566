import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Vitest's global setup: temporary files of all tests lie in one directory, which goes when they have ended. */
export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'incubate-tests-'));
  process.env.TMPDIR = directory;
  return () => rm(directory, { recursive: true, force: true });
}
