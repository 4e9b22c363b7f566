import { setTimeout as delay } from 'node:timers/promises';
import type { JournalEvent } from '../protocol/messages.ts';
import type { RunRecord } from '../protocol/run.ts';
import { tailJournal } from './journal-tail.ts';
import { type LockOwner, lockHolder } from './lock.ts';
import { isRunning } from './process-identity.ts';
import { type JobState, type RunState, replay } from './replay.ts';

/** How a run stands at one moment. */
export interface Sight {
  readonly state: RunState;
  readonly holder: LockOwner | undefined;
  /** Events since the last look; at the first look, all. */
  readonly fresh: readonly JournalEvent[];
  /** Nobody works on the run: neither a coordinator nor a worker that a killed one left behind. */
  readonly ended: boolean;
}

/** Milliseconds between two looks. */
const interval = 200;

/** How long a run that was just created may take to begin, milliseconds. */
const patience = 5_000;

/**
 * Looks at a run several times a second until it has ended; the last look is after its end. Takes no lock and changes
 * nothing.
 *
 * Throws RUN_JOURNAL for a journal that is damaged or goes away.
 */
export async function watchRun(
  runDirectory: string,
  { plan }: RunRecord,
  look: (sight: Sight) => void | Promise<void>,
): Promise<RunState> {
  const tail = tailJournal(runDirectory);
  const events: JournalEvent[] = [];
  const begun = Date.now();
  let state = replay(events, plan.jobs);
  const take = (): JournalEvent[] => {
    const fresh = tail.read();
    for (const event of fresh) events.push(event);
    if (fresh.length > 0) state = replay(events, plan.jobs);
    return fresh;
  };
  for (;;) {
    let fresh = take();
    const holder = await lockHolder(runDirectory);
    const idle = holder === undefined && !hasWorker(state.jobs.values());
    // What was written between the reading and the release of the lock.
    if (idle) fresh = [...fresh, ...take()];
    const ended = idle && (state.sessions > 0 || Date.now() - begun > patience);
    await look({ state, holder, fresh, ended });
    if (ended) return state;
    await delay(interval);
  }
}

function hasWorker(jobs: Iterable<JobState>): boolean {
  for (const { worker } of jobs) {
    if (worker?.process !== undefined && isRunning(worker.pid, worker.process)) return true;
  }
  return false;
}
