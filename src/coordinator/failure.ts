import { relative } from 'node:path';
import type { RunRecord } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';
import type { JobState } from './replay.ts';

/** The command that continues a run, as it is typed in the present directory. */
export function resumeCommand(runDirectory: string): string {
  const path = relative(process.cwd(), runDirectory);
  return `incubate resume ${/^[\w./+@=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/** Says which jobs failed for good, why, and what was not started for that. */
export function runFailure(
  runDirectory: string,
  record: RunRecord,
  states: ReadonlyMap<string, JobState>,
): IncubateError {
  const inState = (...wanted: readonly JobState['status'][]) =>
    record.plan.jobs.filter((job) => wanted.includes(states.get(job.id)?.status ?? 'pending')).map((job) => job.id);
  const failed = inState('failed', 'retrying');
  const waiting = inState('pending');
  const reasons = failed.map((job) => `${job} failed: ${states.get(job)?.error?.message ?? 'no reason is known'}`);
  const notStarted = waiting.length === 0 ? '' : `; not started: ${waiting.join(', ')}`;
  const advice = failed.map((job) => states.get(job)?.error?.hint).find((hint) => hint !== undefined);
  return new IncubateError('TRAINING_JOB', `${reasons.join('; ')}${notStarted}`, {
    hint: `${advice ? `${advice} Then continue` : 'Continue'} with: ${resumeCommand(runDirectory)}`,
  });
}
