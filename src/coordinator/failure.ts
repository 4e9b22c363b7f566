import { relative } from 'node:path';
import type { JobPlan } from '../protocol/plan.ts';
import { type ErrorCode, ExitCode, IncubateError, type SerializedError } from '../util/errors.ts';
import type { JobState } from './replay.ts';

/** The command that continues a run, as it is typed in the present directory. */
export function resumeCommand(runDirectory: string): string {
  const path = relative(process.cwd(), runDirectory);
  return `incubate resume ${/^[\w./+@=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/**
 * Says which jobs failed for good, why, in the order in which they did, and what was not started for that. Where all failed for one and the same reason
 * that lies in the data or the environment, its code becomes the run's; otherwise that is TRAINING_JOB.
 */
export function runFailure(
  runDirectory: string,
  jobs: readonly JobPlan[],
  states: ReadonlyMap<string, JobState>,
): IncubateError {
  const inState = (...wanted: readonly JobState['status'][]) =>
    jobs.filter((job) => wanted.includes(states.get(job.id)?.status ?? 'pending')).map((job) => job.id);
  const failedAt = (job: string) => states.get(job)?.failedAt ?? Number.POSITIVE_INFINITY;
  const failed = inState('failed', 'retrying').sort((a, b) => failedAt(a) - failedAt(b) || 0);
  const waiting = inState('pending');
  const errors = failed.map((job) => states.get(job)?.error);
  const reasons = failed.map((job) => `${job} failed: ${states.get(job)?.error?.message ?? 'no reason is known'}`);
  const notStarted = waiting.length === 0 ? '' : `; not started: ${waiting.join(', ')}`;
  const advice = errors.map((error) => error?.hint).find((hint) => hint !== undefined);
  const code = commonCode(errors) ?? 'TRAINING_JOB';
  const resume = `with: ${resumeCommand(runDirectory)}`;
  // Other data than a run began with are refused, so the way out of an error in them need not be to continue.
  const hint = advice
    ? code.startsWith('DATA_')
      ? advice
      : `${advice} Then continue ${resume}`
    : `Continue ${resume}`;
  return new IncubateError(code, `${reasons.join('; ')}${notStarted}`, { hint });
}

function commonCode(errors: readonly (SerializedError | undefined)[]): ErrorCode | undefined {
  const [first, ...others] = errors;
  const outside = first?.exitCode === ExitCode.data || first?.exitCode === ExitCode.environment;
  return outside && others.every((error) => error?.code === first.code) ? (first.code as ErrorCode) : undefined;
}
