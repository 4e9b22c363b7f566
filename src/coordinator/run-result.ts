import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJobResult, weightsPath } from '../protocol/job-result.ts';
import { finalJobOf, type JobKind } from '../protocol/plan.ts';
import type { JobResult, RunRecord, RunResult } from '../protocol/run.ts';
import { parseRunFile } from '../protocol/run-files.ts';
import { runResultSchema } from '../protocol/run-schema.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { hasErrno, IncubateError } from '../util/errors.ts';
import { runCost } from './cost.ts';

function resultPath(runDirectory: string): string {
  return join(runDirectory, 'result.json');
}

/** Puts the results of all jobs together and writes the run's `result.json`. Throws RUN_RESULT where one is missing. */
export async function writeRunResult(
  runDirectory: string,
  record: RunRecord,
  results: ReadonlyMap<string, JobResult>,
  seconds: number,
): Promise<RunResult> {
  const result = assembleRunResult(runDirectory, record, results, seconds);
  await writeFileAtomic(resultPath(runDirectory), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/**
 * The result of a run that completed before, if its weights are still the ones that it names; undefined otherwise. A run
 * directory may have moved: the path is the present one.
 */
export async function readRunResult(
  runDirectory: string,
  { plan }: Pick<RunRecord, 'plan'>,
): Promise<RunResult | undefined> {
  const path = resultPath(runDirectory);
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  const result = parseRunFile(content, runResultSchema, path);
  const final = await readJobResult(runDirectory, finalJobOf(plan)).catch(() => undefined);
  const weights = final && weightsPath(runDirectory, final);
  if (final && weights && final.weights.sha256 === result.weights.sha256) {
    return { ...result, weights: { ...result.weights, path: weights } };
  }
  return undefined;
}

function assembleRunResult(
  runDirectory: string,
  record: RunRecord,
  results: ReadonlyMap<string, JobResult>,
  seconds: number,
): RunResult {
  const { plan, config, dataset, name } = record;
  const need = (job: string): JobResult => {
    const result = results.get(job);
    if (result) return result;
    throw new IncubateError('RUN_RESULT', `the result of ${job} is missing`);
  };
  const metricsOf = (kind: JobKind) => plan.jobs.filter((job) => job.kind === kind).map(({ id }) => need(id).metrics);
  const final = need(finalJobOf(plan));
  const weights = weightsPath(runDirectory, final);
  if (weights === undefined) throw new IncubateError('RUN_RESULT', `the result of ${final.job} lacks its weights`);
  const [meta] = metricsOf('meta');
  const modules = metricsOf('module');
  return {
    status: 'completed',
    run: name,
    method: config.method.name,
    metrics: {
      ...(meta ? { meta } : {}),
      ...(modules.length > 0 ? { modules } : {}),
      ...(final.cold ? { cold: final.cold } : {}),
      final: need('evaluate').metrics,
    },
    weights: { path: weights, sha256: final.weights.sha256 },
    seconds,
    cost: runCost(plan, config, dataset, results),
  };
}
