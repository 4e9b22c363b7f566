import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { RUN_FORMAT, type RunRecord } from '../protocol/run.ts';
import { jobDirectory, parseRunFile, tokenizerPath } from '../protocol/run-files.ts';
import { runRecordSchema } from '../protocol/run-schema.ts';
import { syncDirectory, writeError, writeFileAtomic } from '../util/atomic-file.ts';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';
import { makeDirectory } from '../util/make-directory.ts';
import { nearest } from '../util/nearest.ts';
import { firstLine, journalPath } from './journal.ts';

export function recordPath(runDirectory: string): string {
  return join(runDirectory, 'run.json');
}

/** Throws USAGE_RUN_EXISTS where a run cannot be created under this name. */
export function checkRunIsNew(runDirectory: string): void {
  if (!existsSync(runDirectory)) return;
  throw new IncubateError('USAGE_RUN_EXISTS', `${runDirectory} exists: the run name is in use`, {
    hint: 'Continue that run with `incubate resume`, or choose another name with --run.',
  });
}

/**
 * Creates a run directory with its record and the first line of its journal. It is built beside its place and appears
 * there whole, so a failure or crash leaves nothing that looks like a run.
 *
 * Throws USAGE_RUN_EXISTS, also to all but one of several processes that create the same run; ENVIRONMENT_WRITE.
 *
 * @param tokenizer the file of the tokenizer, where the run is about text
 */
export async function createRunDirectory(runDirectory: string, record: RunRecord, tokenizer?: string): Promise<void> {
  checkRunIsNew(runDirectory);
  const runsDirectory = dirname(resolve(runDirectory));
  const building = join(runsDirectory, `.creating-${randomUUID()}`);
  try {
    await makeDirectory(runsDirectory);
    await mkdir(building);
    await Promise.all(record.plan.jobs.map((job) => mkdir(jobDirectory(building, job.id), { recursive: true })));
    await writeFileAtomic(recordPath(building), `${JSON.stringify(record, null, 2)}\n`);
    if (tokenizer !== undefined) await writeFileAtomic(tokenizerPath(building), tokenizer);
    await writeFile(journalPath(building), firstLine({ type: 'run-created', name: record.name }), { flush: true });
    await syncDirectory(building);
    // Renaming onto a directory fails unless that is empty.
    await rename(building, runDirectory);
    await syncDirectory(runsDirectory);
  } catch (error) {
    await rm(building, { recursive: true, force: true }).catch(() => {});
    if (hasErrno(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) checkRunIsNew(runDirectory);
    throw writeError(runDirectory, error);
  }
}

/**
 * Reads `run.json`. Throws USAGE_RUN where the directory is none of a run, RUN_FORMAT where the record is damaged or was
 * written by a newer version.
 */
export async function loadRunRecord(runDirectory: string): Promise<RunRecord> {
  const path = recordPath(runDirectory);
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) throw await unknownRun(runDirectory);
    throw new IncubateError('ENVIRONMENT_READ', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return parseRecord(content, path);
}

/** Names of the runs in a directory, in alphabetical order. */
export async function listRuns(runsDirectory: string): Promise<string[]> {
  const entries = await readdir(runsDirectory, { withFileTypes: true }).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw new IncubateError('ENVIRONMENT_READ', `cannot read ${runsDirectory}: ${messageOf(error)}`, { cause: error });
  });
  return entries
    .filter((entry) => !entry.name.startsWith('.') && existsSync(recordPath(join(runsDirectory, entry.name))))
    .map((entry) => entry.name)
    .sort();
}

function parseRecord(content: string, path: string): RunRecord {
  const { format } = parseRunFile(content, z.looseObject({ format: z.int().positive() }), path);
  if (format > RUN_FORMAT) {
    throw new IncubateError('RUN_FORMAT', `${path} has format ${format}; this version reads up to ${RUN_FORMAT}`, {
      hint: 'Use the version of incubate that created the run, or a newer one.',
    });
  }
  return parseRunFile(content, runRecordSchema, path);
}

async function unknownRun(runDirectory: string): Promise<IncubateError> {
  const isDirectory = await stat(runDirectory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const runs = await listRuns(dirname(resolve(runDirectory))).catch(() => []);
  const close = nearest(resolve(runDirectory).split(/[/\\]/).at(-1) ?? '', runs);
  return new IncubateError(
    'USAGE_RUN',
    isDirectory ? `${runDirectory} is not a run: it has no run.json` : `there is no run ${runDirectory}`,
    { hint: close ? `Did you mean '${close}'?` : '`incubate status` lists the runs.' },
  );
}
