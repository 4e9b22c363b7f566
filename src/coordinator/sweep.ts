import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import { probeEngine } from '../executors/probe-engine.ts';
import type { Plan } from '../protocol/plan.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { IncubateError, type SerializedError, serializeError } from '../util/errors.ts';
import type { Probe } from './choose-engine.ts';
import { acceptChanges, configChanges, withChanges } from './config-changes.ts';
import { createRun } from './create-run.ts';
import { readJournal } from './journal.ts';
import { type PreparedRun, prepareRun, settledConfig } from './prepare.ts';
import { recheckRun } from './recheck.ts';
import { type RunState, replay } from './replay.ts';
import { type ExecuteOptions, executeRun } from './run.ts';
import { checkRunIsNew, loadRunRecord, recordPath } from './run-directory.ts';
import { checkRunName } from './run-name.ts';
import { type StopSignal, watchSignals } from './signals.ts';

/** A run of a sweep before the sweep works on it. */
export interface SweepRun {
  readonly name: string;
  readonly directory: string;
  readonly config: RunConfig;
  readonly plan: Plan;
  readonly dataset: DatasetIdentity;
  /** How the run stands that is there already. */
  readonly state?: RunState;
  /** Of one that is not there yet. */
  readonly prepared?: PreparedRun;
}

/** How the sweep left a run; one that it did not come to is pending. */
export type SweptRun = SweepRun &
  (
    | { readonly status: 'completed' | 'stopped' | 'pending' }
    | { readonly status: 'failed'; readonly error: SerializedError }
  );

export interface SweepEnd {
  readonly runs: readonly SweptRun[];
  /** What ended the sweep before its end. */
  readonly signal?: StopSignal;
}

/**
 * Checks every run of a sweep against the data, the machine and the runs that are there, and plans those that are not.
 * Creates nothing.
 *
 * @throws USAGE_RUN_NAME, USAGE_RUN_EXISTS where a run of the name has other settings, and what `prepareRun` throws
 */
export async function planSweep(
  runs: readonly { readonly name: string; readonly config: RunConfig }[],
  runsDirectory: string,
): Promise<SweepRun[]> {
  const probe = onceEach(probeEngine);
  const planned: SweepRun[] = [];
  for (const { name, config } of runs) {
    const directory = resolve(runsDirectory, checkRunName(name));
    if (existsSync(recordPath(directory))) planned.push(await plannedBefore(name, directory, config));
    else {
      checkRunIsNew(directory);
      const prepared = await prepareRun(config, { probe });
      const { plan, dataset } = prepared;
      planned.push({ name, directory, config: prepared.config, plan, dataset, prepared });
    }
  }
  return planned;
}

/**
 * Carries out the runs of a sweep, one after the other: each has all devices to itself. Those that are completed are left as
 * they are, those that were begun go on, and one that fails keeps no other from being tried. After a signal no other is begun,
 * whatever becomes of the one that it met.
 */
export async function executeSweep(
  runs: readonly SweepRun[],
  runsDirectory: string,
  { begin, observe }: { begin: (run: SweepRun, index: number) => void; observe: ExecuteOptions['observe'] },
): Promise<SweepEnd> {
  const swept: SweptRun[] = [];
  const signals = watchSignals();
  try {
    for (const [index, run] of runs.entries()) {
      if (run.state?.completed) swept.push({ ...run, status: 'completed' });
      else if (signals.received !== undefined) swept.push({ ...run, status: 'pending' });
      else {
        begin(run, index);
        swept.push(await sweptRun(run, runsDirectory, { observe, signals }));
      }
    }
  } finally {
    signals.dispose();
  }
  const isDone = swept.every(({ status }) => status === 'completed');
  return { runs: swept, ...(signals.received === undefined || isDone ? {} : { signal: signals.received }) };
}

async function sweptRun(run: SweepRun, runsDirectory: string, options: ExecuteOptions): Promise<SweptRun> {
  try {
    const { status } = await executeOne(run, runsDirectory, options);
    return { ...run, status: status === 'completed' ? 'completed' : 'stopped' };
  } catch (error) {
    if (!(error instanceof IncubateError)) throw error;
    return { ...run, status: 'failed', error: serializeError(error) };
  }
}

async function executeOne(
  { name, prepared, directory, config }: SweepRun,
  runsDirectory: string,
  options: ExecuteOptions,
) {
  if (prepared) return executeRun(await createRun(prepared, name, runsDirectory), options);
  return executeRun(directory, {
    ...options,
    recheck: (record) => recheckRun(record),
    reconfigure: async (current) => acceptedChanges(directory, current, config),
  });
}

/** The settings in which a run goes on that do not decide on its outcome. Throws USAGE_RUN_EXISTS where others differ. */
function acceptedChanges(directory: string, current: RunConfig, wanted: RunConfig) {
  return acceptChanges(configChanges(current, wanted), true, {
    code: 'USAGE_RUN_EXISTS',
    message: `${directory} exists: the run name is in use by a run with other settings`,
    otherwise: 'choose another name for the sweep with --name',
  });
}

async function plannedBefore(name: string, directory: string, given: RunConfig): Promise<SweepRun> {
  const { config: created, plan, dataset } = await loadRunRecord(directory);
  const state = replay(readJournal(directory).events, plan.jobs);
  const config = settledConfig(given);
  acceptedChanges(directory, withChanges(created, state.changes), config);
  return { name, directory, config, plan, dataset, state };
}

/** Tries each engine once for all runs. */
function onceEach(probe: Probe): Probe {
  const known = new Map<string, ReturnType<Probe>>();
  return (engine) => {
    const found = known.get(engine) ?? probe(engine);
    known.set(engine, found);
    return found;
  };
}
