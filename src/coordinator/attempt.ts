import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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
import { makeDirectory } from '../util/make-directory.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { leaseEnvironment } from './leases.ts';
import { countOomKills } from './oom-kills.ts';
import { type AttemptOutcome, classifyEnd, type Evidence } from './outcome.ts';
import { isSuspended, processTag } from './process-identity.ts';
import type { Termination } from './termination.ts';
import { type Stall, watchWorker } from './watchdog.ts';

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
  /** See {@link countOomKills}. */
  readonly oomKills?: typeof countOomKills;
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
  const { job, number, lease } = attempt;
  const { runDirectory, record, termination, note } = context;
  const directory = jobDirectory(runDirectory, job.id);
  const specPath = join(directory, 'spec.json');
  const logPath = join(directory, 'log.txt');
  await prepare(context, attempt, specPath);
  await context.leases.ready(lease);
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (termination.stopping) return { type: 'stopped' };

  const about = { job: job.id, attempt: number };
  const oomKills = context.oomKills ?? countOomKills;
  const oomKillsBefore = oomKills();
  let completed = false;
  let stopped = false;
  let error: SerializedError | undefined;
  let stall: { readonly stall: Stall; readonly suspended: boolean } | undefined;
  const watchdog = watchWorker(record.config.execution, {
    onState(state) {
      if (state !== 'starting' && state !== 'checkpointing') note({ type: 'job-state', ...about, state });
    },
    onStall(found) {
      stall = { stall: found, suspended: worker.pid !== undefined && isSuspended(worker.pid) };
      worker.signal('SIGKILL');
    },
  });
  const onMessage = (message: WorkerMessage) => {
    if (message.type === 'completed') completed = true;
    else if (message.type === 'stopped') stopped = true;
    else if (message.type === 'failed') error = message.error;
    else if (message.type !== 'progress') note({ ...message, ...about });
    else {
      watchdog.advance();
      context.onProgress(job.id, message);
    }
  };

  const worker = context.executor.start({
    specPath,
    logPath,
    cwd: process.cwd(),
    environment: leaseEnvironment(lease),
    onMessage,
    onBeat: watchdog.beat,
  });
  if (worker.pid !== undefined) {
    const tag = processTag(worker.pid);
    note({
      type: 'job-started',
      ...about,
      lease: lease.id,
      pid: worker.pid,
      ...(tag === undefined ? {} : { process: tag }),
    });
  }
  const dismiss = termination.watch(worker);
  const exit = await worker.exited;
  dismiss();
  watchdog.dispose();
  if (worker.pid !== undefined && exit.status !== 0) context.leases.abandoned(lease, worker.pid);
  note({ type: 'job-exited', ...about, status: exit.status, signal: exit.signal, state: watchdog.state });

  if (completed) {
    try {
      return { type: 'completed', result: await readJobResult(runDirectory, job.id) };
    } catch (cause) {
      error = serializeError(cause);
    }
  }
  const log = await logTail(logPath, logStart);
  const oomKilled = oomKillsBefore === undefined ? {} : { oomKilled: (oomKills() ?? 0) > oomKillsBefore };
  const evidence: Evidence = { stopped, ...(error && { error }), ...stall, ...oomKilled, logTail: log };
  const outcome = classifyEnd(job.id, exit, evidence, termination.stopping);
  // A foreseen error says it all; for any other the log has more.
  if (outcome.type !== 'failed' || (error !== undefined && error.code !== UNEXPECTED)) return outcome;
  return { ...outcome, logTail: log };
}

async function prepare(context: RunContext, { job, accumulate }: Attempt, specPath: string): Promise<void> {
  const { record, runDirectory } = context;
  const { training } = record.config;
  const spec: JobSpec = {
    format: RUN_FORMAT,
    runDirectory,
    job,
    modules: record.plan.modules,
    config: accumulate === undefined ? record.config : { ...record.config, training: { ...training, accumulate } },
    dataset: record.dataset,
    engine: record.plan.engine,
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
