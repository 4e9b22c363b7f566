import type { RunConfig } from '../config/schema.ts';
import type { Executor } from '../executors/executor.ts';
import { localExecutor } from '../executors/local.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { ConfigChange } from '../protocol/messages.ts';
import type { Lease } from '../protocol/plan.ts';
import type { JobResult, RunRecord } from '../protocol/run.ts';
import { withOwnTokenizer } from '../protocol/run-files.ts';
import { messageOf } from '../util/errors.ts';
import { withChanges } from './config-changes.ts';
import { finishSession, type RunOutcome } from './finish.ts';
import { type Journal, openJournal } from './journal.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { endLeftovers } from './leftovers.ts';
import { prepareLoader } from './loader-keeper.ts';
import { acquireLock } from './lock.ts';
import type { RunObserver } from './observer.ts';
import type { countOomKills } from './oom-kills.ts';
import { type RunState, replay } from './replay.ts';
import { loadRunRecord } from './run-directory.ts';
import { readRunResult } from './run-result.ts';
import { runSchedule } from './schedule.ts';
import { selectJobs } from './select-jobs.ts';
import { openSession } from './session.ts';
import { type SignalWatch, type StopSignal, watchSignals } from './signals.ts';
import { createTermination } from './termination.ts';

export interface ExecuteOptions {
  /** Makes the one who watches, given the run as it stands before this session. */
  readonly observe: (record: RunRecord, state: RunState) => RunObserver;
  /** Further attempts of a job that failed; what the run was configured with when absent. */
  readonly retries?: number;
  /** Checks a run that is not complete once more, and gives the leases to use in place of the planned ones. */
  readonly recheck?: (record: RunRecord) => Promise<readonly Lease[]>;
  readonly executor?: Executor;
  /**
   * Decides, given the run's configuration as it stands, which settings this session and all after it have otherwise, and
   * throws where that cannot be.
   */
  readonly reconfigure?: (config: RunConfig) => Promise<readonly ConfigChange[]>;
  /** The watch of who carries out several runs: a signal that it met before the run began stops the run too. */
  readonly signals?: SignalWatch;
  /** Jobs to run, with those that they need; all when absent. */
  readonly only?: readonly string[];
  /** How the system's kills for want of memory are counted. */
  readonly oomKills?: typeof countOomKills;
}

/**
 * Runs what is left of a run, from wherever the journal says that it stands. A run that is complete returns its result.
 *
 * Throws LOCKED where another process runs it, USAGE_JOB where `only` names a job that there is none of, what `reconfigure`
 * and `recheck` throw, TRAINING_JOB naming the jobs that failed for good, RUN_* for a damaged run directory, USAGE_RUN
 * where it is none.
 */
export async function executeRun(runDirectory: string, options: ExecuteOptions): Promise<RunOutcome> {
  const record = await loadRunRecord(runDirectory);
  const lock = await acquireLock(runDirectory);
  try {
    const journal = openJournal(runDirectory);
    try {
      return await executeLocked(runDirectory, record, journal, options);
    } finally {
      journal.close();
    }
  } finally {
    // What cannot be released is given up with the process.
    await lock.release().catch(() => {});
  }
}

async function executeLocked(
  runDirectory: string,
  created: RunRecord,
  journal: Journal,
  options: ExecuteOptions,
): Promise<RunOutcome> {
  const before = replay(journal.events, created.plan.jobs);
  const selected = selectJobs(created.plan.jobs, options.only);
  const config = withChanges(created.config, before.changes);
  const changes = (await options.reconfigure?.(config)) ?? [];
  const record = { ...created, config: withOwnTokenizer(withChanges(config, changes), runDirectory) };
  const earlier = before.completed ? await readRunResult(runDirectory, created) : undefined;
  if (earlier) return { status: 'completed', record, result: earlier };

  const observer = options.observe(record, before);
  const termination = createTermination(record.config.execution.stopGrace);
  // The first signal stops, the second sends SIGTERM to the workers, the third kills.
  const signals = watchSignals((signal) => {
    observer.notice(stopNotice(signal, termination.stopping));
    termination.escalate();
  }, options.signals?.received);
  try {
    const recovered = journal.events.at(-1);
    if (recovered?.type === 'journal-recovered') observer.event(recovered);
    await endLeftovers(before);
    const leases = (await options.recheck?.(record)) ?? record.plan.leases;
    const keeper = createLeaseKeeper({
      limit: record.config.devices.releaseLimit,
      shared: record.config.devices.jobsPerGpu > 1,
      signal: termination.signal,
      notice: observer.notice,
    });
    for (const { worker } of before.jobs.values()) {
      const lease = leases.find(({ id }) => id === worker?.lease);
      if (worker && lease) keeper.abandoned(lease, worker.pid);
    }
    const results = await trustedResults(runDirectory, before, observer);
    const left = selected.filter(({ id }) => !results.has(id));
    const { notice } = observer;
    const loader = await prepareLoader({ runDirectory, record, jobs: left, places: leases.length, notice });
    const session = openSession({
      runDirectory,
      record,
      journal,
      observer,
      termination,
      states: before.jobs,
      results,
      leases: keeper,
      devices: leases.map(({ cudaVisibleDevices }) => cudaVisibleDevices),
      loader,
      executor: options.executor ?? localExecutor(),
      retries: options.retries ?? record.config.execution.retries,
      ...(options.oomKills && { oomKills: options.oomKills }),
    });
    if (changes.length > 0) session.note({ type: 'reconfigured', changes });
    loader?.start(session.note);
    await runSchedule({
      jobs: selected,
      leases,
      completed: new Set(results.keys()),
      signal: termination.signal,
      run: session.runJob,
    }).catch((error: unknown) => session.abort(error));
    await loader?.stop();
    return await finishSession({ runDirectory, record, journal, session, results, selected, signal: signals.received });
  } finally {
    signals.dispose();
    observer.close();
  }
}

/** The results of jobs that need not be repeated; the others are named to the observer. */
async function trustedResults(
  runDirectory: string,
  state: RunState,
  observer: RunObserver,
): Promise<Map<string, JobResult>> {
  const results = new Map<string, JobResult>();
  for (const job of state.jobs.values()) {
    if (job.status !== 'completed') continue;
    try {
      results.set(job.id, await readJobResult(runDirectory, job.id));
    } catch (error) {
      observer.notice(`${job.id} is repeated: ${messageOf(error)}`);
    }
  }
  return results;
}

function stopNotice(signal: StopSignal, again: boolean): string {
  return again
    ? `${signal} again: ending the workers`
    : `${signal}: the workers save and stop; once more ends them at once`;
}
