import { setTimeout as delay } from 'node:timers/promises';
import { signalGroup } from '../executors/local.ts';
import { IncubateError } from '../util/errors.ts';
import { isRunning } from './process-identity.ts';
import type { JobState } from './replay.ts';

const patience = 10_000;

/**
 * Ends workers that a killed coordinator left behind. They end by themselves once they notice; one in the middle of a
 * long step notices late, and two workers must never write to one job's directory.
 *
 * Throws ENVIRONMENT_WORKER for a process that survives SIGKILL: one that hangs in the kernel.
 */
export async function endLeftovers(jobs: Iterable<JobState>): Promise<number> {
  let ended = 0;
  for (const { id, worker } of jobs) {
    if (worker?.process === undefined || !isRunning(worker.pid, worker.process)) continue;
    signalGroup(worker.pid, 'SIGKILL');
    ended += 1;
    const deadline = Date.now() + patience;
    while (isRunning(worker.pid, worker.process)) {
      if (Date.now() > deadline) {
        throw new IncubateError('ENVIRONMENT_WORKER', `process ${worker.pid}, an old worker of ${id}, does not end`);
      }
      await delay(20);
    }
  }
  return ended;
}
