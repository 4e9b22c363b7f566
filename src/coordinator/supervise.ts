import { statSync } from 'node:fs';
import type { WorkerExit } from '../executors/executor.ts';
import { logTail } from '../executors/log-tail.ts';
import type { WorkerMessage } from '../protocol/messages.ts';
import type { LivingState } from '../protocol/pulse.ts';
import type { SerializedError } from '../util/errors.ts';
import type { Attempt, RunContext } from './attempt.ts';
import { leaseEnvironment } from './leases.ts';
import { countOomKills } from './oom-kills.ts';
import type { Evidence } from './outcome.ts';
import { isSuspended, processTag } from './process-identity.ts';
import { type Stall, watchWorker } from './watchdog.ts';

/** How a worker process ended, and what it said and what is known of that. */
export interface WorkerEnd {
  readonly exit: WorkerExit;
  /** Whether it said that its job is done. */
  readonly completed: boolean;
  readonly evidence: Evidence;
}

/**
 * Runs an attempt's worker process to its end: its messages and states go into the journal, the ladder of termination and
 * the limits of `execution` are applied to it.
 */
export async function superviseWorker(
  context: RunContext,
  { job, number, lease }: Attempt,
  { specPath, logPath }: { readonly specPath: string; readonly logPath: string },
): Promise<WorkerEnd> {
  const { record, termination, note } = context;
  const about = { job: job.id, attempt: number };
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  const oomKills = context.oomKills ?? countOomKills;
  const oomKillsBefore = oomKills();
  let completed = false;
  let stopped = false;
  let error: SerializedError | undefined;
  let stall: { readonly stall: Stall; readonly suspended: boolean } | undefined;
  let noted: LivingState = 'starting';
  const watchdog = watchWorker(record.config.execution, {
    onState(state) {
      if (state === 'starting' || state === 'checkpointing' || state === noted) return;
      noted = state;
      note({ type: 'job-state', ...about, state });
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

  const environment = leaseEnvironment(lease);
  const onBeat = watchdog.beat;
  const worker = context.executor.start({ specPath, logPath, cwd: process.cwd(), environment, onMessage, onBeat });
  const { pid } = worker;
  if (pid !== undefined) {
    const tag = processTag(pid);
    const process = tag === undefined ? {} : { process: tag };
    note({ type: 'job-started', ...about, lease: lease.id, pid, ...process });
  }
  const dismiss = termination.watch(worker);
  const exit = await worker.exited;
  dismiss();
  watchdog.dispose();
  if (pid !== undefined && exit.status !== 0) context.leases.abandoned(lease, pid);
  note({ type: 'job-exited', ...about, status: exit.status, signal: exit.signal, state: watchdog.state });

  const oomKilled = oomKillsBefore === undefined ? {} : { oomKilled: (oomKills() ?? 0) > oomKillsBefore };
  const tail = await logTail(logPath, logStart);
  const evidence = { stopped, ...(error && { error }), ...stall, ...oomKilled, logTail: tail };
  return { exit, completed, evidence };
}
