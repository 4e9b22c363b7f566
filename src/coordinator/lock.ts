import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeError, writeFileAtomic } from '../util/atomic-file.ts';
import { hasErrno, IncubateError } from '../util/errors.ts';
import { makeDirectory } from '../util/make-directory.ts';
import { identityOf, isProvenDead } from './process-identity.ts';

/** Who holds, or last held, the lock of a run. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  readonly boot: string | null;
  readonly start: string | null;
  readonly namespace: string | null;
  readonly since: string;
  readonly released: boolean;
}

export interface RunLock {
  release(): Promise<void>;
}

/*
 * The lock is a directory of generations, `lock/1`, `lock/2`, …; the highest counts, and it is never removed. Whoever
 * finds it released or its owner proven dead links generation n + 1, which only one process can. What is removed, by the
 * owner of n alone, are generations below n: a straggler that links one of those sees n when it looks again, and steps
 * back. A single file that is unlinked and made anew has no such order: two processes that both saw the dead owner would
 * remove each other's locks.
 */

/**
 * Takes the run's lock; exactly one process can hold it.
 *
 * Throws LOCKED naming PID and host of the holder. A lock is taken over only from an owner that is proven dead.
 */
export async function acquireLock(runDirectory: string): Promise<RunLock> {
  const directory = join(runDirectory, 'lock');
  try {
    await makeDirectory(directory);
    for (;;) {
      const generation = await tryNextGeneration(directory);
      if (generation !== undefined) return lockOf(directory, generation);
    }
  } catch (error) {
    throw writeError(directory, error);
  }
}

/** The living (or not provably dead) owner of a run's lock, or undefined when nobody holds it. Takes nothing. */
export async function lockHolder(runDirectory: string): Promise<LockOwner | undefined> {
  const directory = join(runDirectory, 'lock');
  for (;;) {
    const generation = (await generations(directory)).at(-1);
    if (generation === undefined) return undefined;
    const owner = await readOwner(directory, generation);
    if (owner !== 'gone') return isHeld(owner) ? owner : undefined;
  }
}

/** One round: the generation that was won, or undefined where others moved meanwhile. */
async function tryNextGeneration(directory: string): Promise<number | undefined> {
  const highest = (await generations(directory)).at(-1) ?? 0;
  if (highest > 0) {
    const owner = await readOwner(directory, highest);
    if (owner === 'gone') return undefined;
    if (isHeld(owner)) throw lockedError(owner, directory);
  }
  const mine = highest + 1;
  if (!(await linkOwner(directory, mine))) return undefined;
  const all = await generations(directory);
  if (all.at(-1) !== mine) {
    await rm(join(directory, String(mine)), { force: true });
    return undefined;
  }
  const older = all.filter((generation) => generation < mine);
  await Promise.all(older.map((generation) => rm(join(directory, String(generation)), { force: true })));
  return mine;
}

/** Writes the owner's file in full before giving it its exclusive name, so that nobody reads half of it. */
async function linkOwner(directory: string, generation: number): Promise<boolean> {
  const temporary = join(directory, `${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, ownerFile(false), { flag: 'wx', flush: true });
    await link(temporary, join(directory, String(generation)));
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

function lockOf(directory: string, generation: number): RunLock {
  return { release: () => writeFileAtomic(join(directory, String(generation)), ownerFile(true)) };
}

function ownerFile(released: boolean): string {
  const owner: LockOwner = { ...identityOf(process.pid), since: new Date().toISOString(), released };
  return `${JSON.stringify(owner)}\n`;
}

function isHeld(owner: LockOwner): boolean {
  return !owner.released && !isProvenDead(owner);
}

async function generations(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  boot: z.string().nullable(),
  start: z.string().nullable(),
  namespace: z.string().nullable(),
  since: z.string(),
  released: z.boolean(),
});

/** Throws LOCKED where the file is not understood: nothing proves its owner dead. */
async function readOwner(directory: string, generation: number): Promise<LockOwner | 'gone'> {
  const path = join(directory, String(generation));
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return 'gone';
    throw error;
  }
  try {
    return ownerSchema.parse(JSON.parse(content));
  } catch (error) {
    throw new IncubateError('LOCKED', `${path} does not say who holds the run`, {
      cause: error,
      hint: `If no incubate process uses the run, remove ${directory} and try again.`,
    });
  }
}

/** LOCKED, naming who holds the lock. */
export function lockedError(owner: LockOwner, directory: string): IncubateError {
  return new IncubateError(
    'LOCKED',
    `the run is in use by process ${owner.pid} on ${owner.host} since ${owner.since}`,
    { hint: `Wait for it or stop it. If that process is gone, remove ${directory} and try again.` },
  );
}
