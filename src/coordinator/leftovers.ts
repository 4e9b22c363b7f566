import { setTimeout as delay } from 'node:timers/promises';
import { signalGroup } from '../executors/local.ts';
import { IncubateError } from '../util/errors.ts';
import { isRunning } from './process-identity.ts';
import type { RunState } from './replay.ts';

const patience = 10_000;

/**
 * Ends workers and the loader that a killed coordinator left behind. They end by themselves once they notice; a worker in
 * the middle of a long step notices late, and two workers must never write to one job's directory.
 *
 * Throws ENVIRONMENT_WORKER for a process that survives SIGKILL: one that hangs in the kernel.
 */
export async function endLeftovers({ jobs, loader }: RunState): Promise<number> {
  let ended = 0;
  const workers = [...jobs.values()].map(({ id, worker }) => ({ what: `an old worker of ${id}`, ...worker }));
  for (const { what, pid, process } of [...workers, { what: 'an old loader', ...loader }]) {
    if (pid === undefined || process === undefined || !isRunning(pid, process)) continue;
    signalGroup(pid, 'SIGKILL');
    ended += 1;
    const deadline = Date.now() + patience;
    while (isRunning(pid, process)) {
      if (Date.now() > deadline) {
        throw new IncubateError('ENVIRONMENT_WORKER', `process ${pid}, ${what}, does not end`);
      }
      await delay(20);
    }
  }
  return ended;
}
