import { statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '../executors/executor.ts';
import { logTail } from '../executors/log-tail.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { JobSpec, JournalEntry, ProgressMessage, WorkerMessage } from '../protocol/messages.ts';
import type { JobPlan, Lease } from '../protocol/plan.ts';
import { RUN_FORMAT, type RunRecord } from '../protocol/run.ts';
import { jobDirectory } from '../protocol/run-files.ts';
import { writeError, writeFileAtomic } from '../util/atomic-file.ts';
import { type SerializedError, serializeError, UNEXPECTED } from '../util/errors.ts';
import { leaseEnvironment } from './leases.ts';
import { type AttemptOutcome, classifyEnd } from './outcome.ts';
import { processTag } from './process-identity.ts';
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
}

export interface Attempt {
  readonly job: JobPlan;
  readonly number: number;
  readonly lease: Lease;
}

/** An attempt that failed, with the worker's last lines. */
export type AttemptReport = AttemptOutcome & { readonly logTail?: readonly string[] };

/**
 * Runs one attempt of a job in a worker process: spec.json → worker → messages into the journal → how it ended.
 *
 * Only a result whose weights have been read back and hashed counts as completed, whatever the exit status says.
 */
export async function runAttempt(context: RunContext, { job, number, lease }: Attempt): Promise<AttemptReport> {
  const directory = jobDirectory(context.runDirectory, job.id);
  const specPath = join(directory, 'spec.json');
  const logPath = join(directory, 'log.txt');
  await prepare(context, job, specPath);
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (context.termination.stopping) return { type: 'stopped' };

  let completed = false;
  let stopped = false;
  let error: SerializedError | undefined;
  const onMessage = (message: WorkerMessage) => {
    if (message.type === 'progress') context.onProgress(job.id, message);
    else if (message.type === 'completed') completed = true;
    else if (message.type === 'stopped') stopped = true;
    else if (message.type === 'failed') error = message.error;
    else context.note({ ...message, job: job.id, attempt: number });
  };

  const worker = context.executor.start({
    specPath,
    logPath,
    cwd: process.cwd(),
    environment: leaseEnvironment(lease),
    onMessage,
  });
  if (worker.pid !== undefined) {
    const tag = processTag(worker.pid);
    context.note({
      type: 'job-started',
      job: job.id,
      attempt: number,
      lease: lease.id,
      pid: worker.pid,
      ...(tag === undefined ? {} : { process: tag }),
    });
  }
  const dismiss = context.termination.watch(worker);
  const exit = await worker.exited;
  dismiss();
  context.note({ type: 'job-exited', job: job.id, attempt: number, status: exit.status, signal: exit.signal });

  if (completed) {
    try {
      return { type: 'completed', result: await readJobResult(context.runDirectory, job.id) };
    } catch (cause) {
      error = serializeError(cause);
    }
  }
  const words = { stopped, ...(error === undefined ? {} : { error }) };
  const outcome = classifyEnd(job.id, exit, words, context.termination.stopping);
  // A foreseen error says it all; for any other the log has more.
  if (outcome.type !== 'failed' || (error !== undefined && error.code !== UNEXPECTED)) return outcome;
  return { ...outcome, logTail: await logTail(logPath, logStart) };
}

async function prepare(context: RunContext, job: JobPlan, specPath: string): Promise<void> {
  const { record, runDirectory } = context;
  const spec: JobSpec = {
    format: RUN_FORMAT,
    runDirectory,
    job,
    modules: record.plan.modules,
    config: record.config,
    dataset: record.dataset,
    engine: record.plan.engine,
  };
  const directory = jobDirectory(runDirectory, job.id);
  try {
    await mkdir(directory, { recursive: true });
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
