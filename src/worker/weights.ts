import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { encodeSafetensors, readSafetensors } from '../checkpoint/safetensors.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { WeightsFile } from '../protocol/run.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import type { HostTensors } from '../util/tensor.ts';

/** The weights that other jobs trained, verified by their SHA-256 and merged. Throws RUN_RESULT as `readJobResult`. */
export async function readJobWeights(runDirectory: string, jobs: readonly string[]): Promise<HostTensors> {
  const merged: Record<string, HostTensors[string]> = {};
  for (const job of jobs) {
    const result = await readJobResult(runDirectory, job);
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
  const path = ['jobs', job, 'weights.safetensors'].join('/');
  const pieces = encodeSafetensors(tensors, metadata);
  await writeFileAtomic(join(runDirectory, path), pieces);
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return { path, sha256: hash.digest('hex') };
}
