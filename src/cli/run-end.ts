import { resumeCommand, runFailure } from '../coordinator/failure.ts';
import type { RunState } from '../coordinator/replay.ts';
import type { RunRecord } from '../protocol/run.ts';
import { runStatus } from '../report/status-table.ts';
import { IncubateError } from '../util/errors.ts';

/**
 * Ends like the command that carried out a run, of which somebody else only has the journal: returns where the run is
 * complete.
 *
 * Throws what `train` threw for jobs that failed; RETRY_STOPPED where a signal stopped the run, RETRY_INTERRUPTED where
 * its process was killed or never began: both can go on.
 */
export function throwUnlessCompleted(runDirectory: string, record: RunRecord, state: RunState): void {
  const hint = `Continue with: ${resumeCommand(runDirectory)}`;
  const states = [...state.jobs.values()];
  switch (runStatus(state, undefined)) {
    case 'completed':
      return;
    case 'failed':
      if (states.some(({ status }) => status === 'failed'))
        throw runFailure(runDirectory, record.plan.jobs, state.jobs);
      throw new IncubateError('TRAINING_JOB', 'the run failed, for no fault of its jobs', { hint });
    case 'stopped':
      throw new IncubateError('RETRY_STOPPED', 'the run was stopped by a signal', { hint });
    case 'created':
      throw new IncubateError('RETRY_INTERRUPTED', 'nobody has begun the run', { hint });
    default:
      throw new IncubateError('RETRY_INTERRUPTED', 'the process that worked on the run has gone', { hint });
  }
}
