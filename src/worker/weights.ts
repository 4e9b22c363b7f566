import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensors, readSafetensors } from '../checkpoint/safetensors.ts';
import type { JobResult, WeightsFile } from '../protocol/run.ts';
import { jobResultSchema } from '../protocol/run-schema.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';
import { sha256OfFile } from '../util/file-hash.ts';
import type { HostTensors } from '../util/tensor.ts';

/** Where a job keeps its files, relative to the run directory. */
export function jobPath(job: string, ...names: string[]): string {
  return ['jobs', job, ...names].join('/');
}

/**
 * A job's result if it has finished: its file is well-formed and the weights it names are there, unchanged.
 *
 * @throws CHECKPOINT_RESULT where the result exists but cannot be trusted.
 */
export async function readJobResult(runDirectory: string, job: string): Promise<JobResult | null> {
  const path = join(runDirectory, jobPath(job, 'result.json'));
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return null;
    throw error;
  });
  if (text === null) return null;
  const untrusted = (reason: string) =>
    new IncubateError('CHECKPOINT_RESULT', `the result of ${job} cannot be used: ${reason}`, {
      hint: `Delete ${path} and resume the run; ${job} then continues from its last checkpoint.`,
    });
  let result: JobResult;
  try {
    result = jobResultSchema.parse(JSON.parse(text));
  } catch (error) {
    throw untrusted(`${path} is damaged: ${messageOf(error)}`);
  }
  const weights = join(runDirectory, result.weights.path);
  const sha256 = await sha256OfFile(weights).catch((error: unknown) => {
    throw untrusted(messageOf(error));
  });
  if (sha256 !== result.weights.sha256) throw untrusted(`${weights} does not match its SHA-256`);
  return result;
}

/** The weights that other jobs trained, verified by their SHA-256 and merged. */
export async function readJobWeights(runDirectory: string, jobs: readonly string[]): Promise<HostTensors> {
  const merged: Record<string, HostTensors[string]> = {};
  for (const job of jobs) {
    const result = await readJobResult(runDirectory, job);
    if (!result) {
      throw new IncubateError('CHECKPOINT_RESULT', `${job} has not finished, but its weights are needed`, {
        hint: 'Resume the run: jobs start in the order in which they need each other.',
      });
    }
    const { tensors } = await readSafetensors(join(runDirectory, result.weights.path));
    Object.assign(merged, tensors);
  }
  return merged;
}

/** Writes a job's trained weights, whole or not at all. */
export async function writeJobWeights(
  runDirectory: string,
  job: string,
  tensors: HostTensors,
  metadata: Readonly<Record<string, string>>,
): Promise<WeightsFile> {
  const path = jobPath(job, 'weights.safetensors');
  const pieces = encodeSafetensors(tensors, metadata);
  await writeFileAtomic(join(runDirectory, path), pieces);
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return { path, sha256: hash.digest('hex') };
}
