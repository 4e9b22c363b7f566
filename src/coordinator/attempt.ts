import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '../executors/executor.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { JobSpec, JournalEntry, ProgressMessage } from '../protocol/messages.ts';
import type { JobPlan, Lease } from '../protocol/plan.ts';
import { RUN_FORMAT, type RunRecord } from '../protocol/run.ts';
import { jobDirectory } from '../protocol/run-files.ts';
import { writeError, writeFileAtomic } from '../util/atomic-file.ts';
import { serializeError, UNEXPECTED } from '../util/errors.ts';
import { makeDirectory } from '../util/make-directory.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { LoaderKeeper } from './loader-keeper.ts';
import type { countOomKills } from './oom-kills.ts';
import { type AttemptOutcome, classifyEnd } from './outcome.ts';
import { superviseWorker } from './supervise.ts';
import type { Termination } from './termination.ts';

/** What all attempts of a run have in common. */
export interface RunContext {
  readonly runDirectory: string;
  readonly record: RunRecord;
  readonly executor: Executor;
  readonly termination: Termination;
  /** Appends to the journal and tells the reporter. */
  readonly note: (entry: JournalEntry) => void;
  readonly onProgress: (job: string, message: ProgressMessage) => void;
  readonly leases: LeaseKeeper;
  /** Values of CUDA_VISIBLE_DEVICES of all leases of the session. */
  readonly devices: readonly string[];
  /** See {@link countOomKills}. */
  readonly oomKills?: typeof countOomKills;
  /** Whom jobs may ask for images, if anybody. */
  readonly loader: Pick<LoaderKeeper, 'address'> | undefined;
}

export interface Attempt {
  readonly job: JobPlan;
  readonly number: number;
  readonly lease: Lease;
  /** Micro-batches of a step, where they are more than configured. */
  readonly accumulate?: number;
}

/** An attempt that failed, with the worker's last lines. */
export type AttemptReport = AttemptOutcome & { readonly logTail?: readonly string[] };

/**
 * Runs one attempt of a job in a worker process: spec.json → worker → messages into the journal → how it ended.
 *
 * Only a result whose weights have been read back and hashed counts as completed, whatever the exit status says.
 */
export async function runAttempt(context: RunContext, attempt: Attempt): Promise<AttemptReport> {
  const { job, lease } = attempt;
  const directory = jobDirectory(context.runDirectory, job.id);
  const paths = { specPath: join(directory, 'spec.json'), logPath: join(directory, 'log.txt') };
  await prepare(context, attempt, paths.specPath);
  await context.leases.ready(lease);
  if (context.termination.stopping) return { type: 'stopped' };

  const { exit, completed, evidence } = await superviseWorker(context, attempt, paths);
  let { error } = evidence;
  if (completed) {
    try {
      return { type: 'completed', result: await readJobResult(context.runDirectory, job.id) };
    } catch (cause) {
      error = serializeError(cause);
    }
  }
  const outcome = classifyEnd(job.id, exit, { ...evidence, ...(error && { error }) }, context.termination.stopping);
  // A foreseen error says it all; for any other the log has more.
  if (outcome.type !== 'failed' || (error !== undefined && error.code !== UNEXPECTED)) return outcome;
  return { ...outcome, logTail: evidence.logTail };
}

async function prepare(context: RunContext, { job, accumulate }: Attempt, specPath: string): Promise<void> {
  const { record, runDirectory } = context;
  const loader = context.loader?.address;
  const { training } = record.config;
  const spec: JobSpec = {
    format: RUN_FORMAT,
    runDirectory,
    job,
    modules: record.plan.modules,
    config: accumulate === undefined ? record.config : { ...record.config, training: { ...training, accumulate } },
    dataset: record.dataset,
    engine: record.plan.engine,
    devices: context.devices,
    ...(loader === undefined ? {} : { loader }),
  };
  const directory = jobDirectory(runDirectory, job.id);
  try {
    await makeDirectory(directory);
    await dropUntrustedResult(runDirectory, job.id);
  } catch (error) {
    throw writeError(directory, error);
  }
  await writeFileAtomic(specPath, `${JSON.stringify(spec, null, 2)}\n`);
}

/** A worker that finds a result takes its job for done; one that cannot be trusted must not mislead it. */
async function dropUntrustedResult(runDirectory: string, job: string): Promise<void> {
  const trusted = await readJobResult(runDirectory, job).then(
    () => true,
    () => false,
  );
  if (!trusted) await rm(join(jobDirectory(runDirectory, job), 'result.json'), { force: true });
}
