import type { JobPlan } from '../protocol/plan.ts';
import type { JobResult, RunRecord, RunResult } from '../protocol/run.ts';
import { runFailure } from './failure.ts';
import type { Journal } from './journal.ts';
import { replay } from './replay.ts';
import { writeRunResult } from './run-result.ts';
import type { Session } from './session.ts';
import type { StopSignal } from './signals.ts';

export type RunOutcome =
  | { readonly status: 'completed'; readonly record: RunRecord; readonly result: RunResult }
  /** The jobs that were asked for are done, but not all of the run's. */
  | { readonly status: 'partial'; readonly record: RunRecord; readonly remaining: readonly string[] }
  /** A signal ended the session; the run can be resumed. */
  | { readonly status: 'stopped'; readonly record: RunRecord; readonly signal: StopSignal };

/** A session whose jobs have all ended, as far as they could begin. */
export interface EndedSession {
  readonly runDirectory: string;
  readonly record: RunRecord;
  readonly journal: Journal;
  readonly session: Session;
  readonly results: ReadonlyMap<string, JobResult>;
  /** The jobs that were to be done. */
  readonly selected: readonly JobPlan[];
  readonly signal: StopSignal | undefined;
}

/**
 * Ends a session: with the run's result where all is done, otherwise saying what is left and why.
 *
 * Throws what broke the session, or what {@link runFailure} makes of jobs that failed for good.
 */
export async function finishSession({
  runDirectory,
  record,
  journal,
  session,
  results,
  selected,
  signal,
}: EndedSession): Promise<RunOutcome> {
  if (session.broken) {
    session.end('failed');
    throw session.broken.error;
  }
  const remaining = record.plan.jobs.filter((job) => !results.has(job.id)).map((job) => job.id);
  if (remaining.length === 0) {
    const { seconds } = replay(journal.events);
    const result = await writeRunResult(runDirectory, record, results, seconds);
    session.note({ type: 'run-completed', weights: result.weights.sha256 });
    session.end('completed');
    return { status: 'completed', record, result };
  }
  if (selected.every((job) => results.has(job.id))) {
    session.end('stopped');
    return { status: 'partial', record, remaining };
  }
  if (signal !== undefined) {
    session.end('stopped', signal);
    return { status: 'stopped', record, signal };
  }
  session.end('failed');
  throw runFailure(runDirectory, selected, session.states);
}
