import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { jobDirectory } from '../protocol/run-files.ts';
import { writeError } from '../util/atomic-file.ts';
import { hasErrno, IncubateError } from '../util/errors.ts';
import { readJournal } from './journal.ts';
import { acquireLock, lockedError, lockHolder } from './lock.ts';
import { replay } from './replay.ts';
import { loadRunRecord, recordPath } from './run-directory.ts';

/** What can be removed of a run. */
export interface Removal {
  readonly run: string;
  readonly runDirectory: string;
  readonly what: 'checkpoints' | 'run';
  /** Directories that go. */
  readonly directories: readonly string[];
  /** Of the files in them. A symbolic link counts nothing: it goes, and what it leads to stays. */
  readonly bytes: number;
}

/**
 * What removing the checkpoints of a completed run, or a run as a whole, removes. Removes nothing.
 *
 * Throws USAGE_RUN where there is no run, USAGE_RUN_LINK where its directory is a symbolic link, USAGE_RUN_UNFINISHED
 * where its checkpoints are what it would go on from, LOCKED where somebody works on it, and what reading it throws.
 */
export async function planRemoval(runDirectory: string, what: Removal['what']): Promise<Removal> {
  const holder = await lockHolder(runDirectory);
  if (holder) throw lockedError(holder, join(runDirectory, 'lock'));
  return await find(runDirectory, what);
}

/** Removes it, while nobody else can begin to work on the run. Throws as `planRemoval`, and ENVIRONMENT_WRITE. */
export async function removeFromRun(runDirectory: string, what: Removal['what']): Promise<Removal> {
  await find(runDirectory, what);
  const lock = await acquireLock(runDirectory);
  try {
    const removal = await find(runDirectory, what);
    try {
      if (what === 'run') await removeWhole(runDirectory);
      else for (const directory of removal.directories) await rm(directory, { recursive: true, force: true });
    } catch (error) {
      throw writeError(runDirectory, error);
    }
    return removal;
  } finally {
    // Of a run that has gone there is nothing to release.
    await lock.release().catch(() => {});
  }
}

/** Removes what removals that were interrupted have left in a directory of runs. */
export async function removeRemains(runsDirectory: string): Promise<void> {
  const names = await readdir(runsDirectory).catch(() => []);
  const remains = names.filter((name) => name.startsWith(removing)).map((name) => join(runsDirectory, name));
  for (const directory of remains) await rm(directory, { recursive: true, force: true });
}

const removing = '.removing-';

async function find(runDirectory: string, what: Removal['what']): Promise<Removal> {
  const path = resolve(runDirectory);
  if ((await kindOf(path)) === 'link') {
    throw new IncubateError('USAGE_RUN_LINK', `${path} is a symbolic link, and nothing behind a link is removed`, {
      hint: 'Name the directory that it leads to, or remove the link.',
    });
  }
  const directories = what === 'run' ? [await knownRun(path)] : await checkpointDirectories(path);
  const sizes = await Promise.all(directories.map(bytesBelow));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { run: basename(path), runDirectory: path, what, directories, bytes };
}

/** A run whose record is damaged is a run. */
async function knownRun(path: string): Promise<string> {
  if ((await kindOf(recordPath(path))) === 'none') await loadRunRecord(path);
  return path;
}

async function checkpointDirectories(path: string): Promise<string[]> {
  const { plan, name } = await loadRunRecord(path);
  const { completed } = replay(readJournal(path).events, plan.jobs);
  if (!completed) {
    throw new IncubateError('USAGE_RUN_UNFINISHED', `the run ${name} is not complete and would need its checkpoints`, {
      hint: 'Complete it with `incubate resume`, or remove it as a whole with --all.',
    });
  }
  if ((await kindOf(join(path, 'jobs'))) !== 'directory') return [];
  const found: string[] = [];
  for (const { id } of plan.jobs) {
    const job = jobDirectory(path, id);
    const checkpoints = join(job, 'checkpoints');
    if ((await kindOf(job)) === 'directory' && (await kindOf(checkpoints)) === 'directory') found.push(checkpoints);
  }
  return found;
}

/** The run leaves its place at once, so that a crash leaves nothing there that looks like a run. */
async function removeWhole(path: string): Promise<void> {
  const gone = join(dirname(path), `${removing}${randomUUID()}`);
  await rename(path, gone);
  await rm(gone, { recursive: true, force: true });
}

async function bytesBelow(path: string): Promise<number> {
  const found = await lstat(path);
  if (!found.isDirectory()) return found.isFile() ? found.size : 0;
  let bytes = 0;
  for (const name of await readdir(path)) bytes += await bytesBelow(join(path, name));
  return bytes;
}

/** What stands at a path itself, links not followed. */
async function kindOf(path: string): Promise<'directory' | 'file' | 'link' | 'none'> {
  try {
    const found = await lstat(path);
    return found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'directory' : 'file';
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return 'none';
    throw error;
  }
}
