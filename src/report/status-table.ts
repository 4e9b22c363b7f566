import type { LockOwner } from '../coordinator/lock.ts';
import type { JobState, RunState } from '../coordinator/replay.ts';
import type { RunRecord } from '../protocol/run.ts';
import { formatDuration } from '../util/duration.ts';
import { diagnosticsText, lossFigure, percent, perplexityFigure } from './figures.ts';
import { alignTable } from './table.ts';

export type RunStatus = 'running' | 'completed' | 'failed' | 'stopped' | 'interrupted' | 'created';

/** What a run is doing: the journal says what happened, the lock whether anybody is at it. */
export function runStatus(state: RunState, holder: LockOwner | undefined): RunStatus {
  if (holder) return 'running';
  if (state.completed) return 'completed';
  if (state.sessions === 0) return 'created';
  return state.outcome ?? 'interrupted';
}

/** A job that the journal left running while nobody is at the run was interrupted. */
export function jobStatus(job: JobState, run: RunStatus): string {
  const active = job.status === 'running' || job.status === 'retrying';
  return active && run !== 'running' ? 'interrupted' : job.status;
}

function perplexityOf({ evaluation }: JobState): string {
  return evaluation?.perplexity === undefined ? '' : perplexityFigure(evaluation.perplexity);
}

/** One run for people. */
export function statusTable(record: RunRecord, state: RunState, holder: LockOwner | undefined): string {
  const status = runStatus(state, holder);
  const by = holder ? ` (process ${holder.pid} on ${holder.host})` : '';
  const isText = record.dataset.tokens !== undefined;
  const rows = [...state.jobs.values()].map((job) => [
    job.id,
    jobStatus(job, status),
    job.attempts === 0 ? '' : String(job.attempts),
    job.epoch === undefined ? '' : `${job.epoch}/${job.epochs}`,
    job.loss === undefined ? '' : lossFigure(job.loss),
    job.evaluation === undefined ? '' : percent(job.evaluation.top1),
    ...(isText ? [perplexityOf(job)] : []),
  ]);
  const reasons = [...state.jobs.values()]
    .filter((job) => job.error && job.status !== 'completed')
    .map((job) => `${job.id}: ${job.error?.message}\n`);
  const skipping = [...state.jobs.values()].flatMap(({ id, damaged }) =>
    damaged === undefined ? [] : [`${id}: ${damaged} images cannot be decoded and are skipped\n`],
  );
  const assembly = [...state.jobs.values()].flatMap(({ diagnostics }) =>
    diagnostics === undefined ? [] : [`interfaces of the assembly: ${diagnosticsText(diagnostics)}\n`],
  );
  const notes = [...reasons, ...skipping, ...assembly];
  const titles = ['job', 'status', 'attempts', 'epoch', 'loss', 'top-1', ...(isText ? ['perplexity'] : [])];
  const table = alignTable([titles, ...rows]);
  return `${record.name}: ${status}${by}, ${formatDuration(state.seconds)}\n\n${table}\n${notes.length > 0 ? `\n${notes.join('')}` : ''}`;
}
