import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';
import { sha256OfFile } from '../util/file-hash.ts';
import type { JobResult } from './run.ts';
import { jobDirectory, parseRunFile } from './run-files.ts';
import { jobResultSchema } from './run-schema.ts';

/**
 * The result of a job, if it can be trusted: `result.json` is whole, is that job's, and its weights have the SHA-256
 * that it states.
 *
 * Throws RUN_RESULT saying what does not hold.
 */
export async function readJobResult(runDirectory: string, job: string): Promise<JobResult> {
  const path = join(jobDirectory(runDirectory, job), 'result.json');
  const untrusted = (what: string, cause?: unknown) =>
    new IncubateError('RUN_RESULT', `the result of ${job} cannot be used: ${what}`, { cause });
  let result: JobResult;
  try {
    result = parseRunFile(await readFile(path, 'utf8'), jobResultSchema, path);
  } catch (error) {
    throw untrusted(hasErrno(error, 'ENOENT') ? `${path} is missing` : messageOf(error), error);
  }
  if (result.job !== job) throw untrusted(`${path} belongs to ${result.job}`);
  const weights = weightsPath(runDirectory, result);
  if (weights === undefined) throw untrusted(`${result.weights.path} lies outside the run directory`);
  const actual = await sha256OfFile(weights).catch((error: unknown) => {
    throw untrusted(`${weights} cannot be read (${messageOf(error)})`, error);
  });
  if (actual !== result.weights.sha256) throw untrusted(`${weights} has changed since it was written`);
  return result;
}

/** Absolute path of a result's weights, or undefined where it would leave the run directory. */
export function weightsPath(runDirectory: string, result: JobResult): string | undefined {
  const path = resolve(runDirectory, result.weights.path);
  const inside = relative(runDirectory, path);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? undefined : path;
}
