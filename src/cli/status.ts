import { join } from 'node:path';
import { Command } from 'commander';
import { latestEvents } from '../coordinator/journal.ts';
import { type LockOwner, lockHolder } from '../coordinator/lock.ts';
import { type RunState, replay } from '../coordinator/replay.ts';
import { listRuns, loadRunRecord } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { watchRun } from '../coordinator/watch.ts';
import type { RunRecord } from '../protocol/run.ts';
import { jobStatus, runStatus, statusTable } from '../report/status-table.ts';
import { alignTable } from '../report/table.ts';
import { IncubateError, serializeError } from '../util/errors.ts';
import { throwUnlessCompleted } from './run-end.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

type StatusOptions = RunOptions & { readonly watch?: boolean };

/** `incubate status`: what a run is doing, or all runs; reads the journal and takes no lock. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('show what a run is doing, or list the runs')
    .argument('[run]', 'name or path of the run')
    .option(
      '-w, --watch',
      'show the run until it ends, and end with the status that says how; with --json, only its end',
    );
  return addRunOptions(command, 'print one JSON document').action(
    async (run: string | undefined, { runsDir, json, watch }: StatusOptions) => {
      if (watch) return await watchStatus(run, runsDir, json === true);
      const output = await (run === undefined
        ? describeRuns(runsDir, json === true)
        : describeRun(resolveRun(run, runsDir), json === true));
      process.stdout.write(output);
    },
  );
}

async function readRun(runDirectory: string) {
  const record = await loadRunRecord(runDirectory);
  const state = replay(latestEvents(runDirectory), record.plan.jobs);
  const holder = await lockHolder(runDirectory);
  return { record, state, holder, status: runStatus(state, holder) };
}

/** Throws USAGE_ARGUMENT where no run is named, and how the run ended where that was not well. */
async function watchStatus(run: string | undefined, runsDir: string, json: boolean): Promise<void> {
  if (run === undefined) throw new IncubateError('USAGE_ARGUMENT', '--watch needs the name or path of a run');
  const runDirectory = resolveRun(run, runsDir);
  const record = await loadRunRecord(runDirectory);
  // Imported here, as only a watcher needs to draw.
  const view = json ? undefined : (await import('../report/watch-view.ts')).watchView(record);
  const state = await watchRun(runDirectory, record, (sight) => view?.show(sight));
  view?.close();
  if (json) process.stdout.write(statusDocument(record, state, undefined));
  throwUnlessCompleted(runDirectory, record, state);
}

async function describeRun(runDirectory: string, json: boolean): Promise<string> {
  const { record, state, holder } = await readRun(runDirectory);
  return json ? statusDocument(record, state, holder) : statusTable(record, state, holder);
}

function statusDocument(record: RunRecord, state: RunState, holder: LockOwner | undefined): string {
  const status = runStatus(state, holder);
  const jobs = [...state.jobs.values()].map((job) => ({ ...job, status: jobStatus(job, status) }));
  const { pid, host } = holder ?? {};
  return document({
    run: record.name,
    status,
    seconds: state.seconds,
    updated: state.updated,
    holder: holder && { pid, host },
    jobs,
  });
}

/** A run that cannot be read is listed with the reason; it must not hide the others. */
async function describeRuns(runsDirectory: string, json: boolean): Promise<string> {
  const names = await listRuns(runsDirectory);
  const runs = await Promise.all(
    names.map(async (name) => {
      try {
        const { state, status } = await readRun(join(runsDirectory, name));
        const completed = [...state.jobs.values()].filter((job) => job.status === 'completed').length;
        return { run: name, status, completed, jobs: state.jobs.size, updated: state.updated };
      } catch (error) {
        const { code, message } = serializeError(error);
        return { run: name, status: 'unreadable', error: { code, message } };
      }
    }),
  );
  if (json) return document({ runs });
  if (runs.length === 0) return `no runs in ${runsDirectory}\n`;
  const rows = runs.map((run) => [
    run.run,
    run.status,
    'jobs' in run ? `${run.completed}/${run.jobs}` : '',
    'updated' in run ? (run.updated ?? '') : '',
  ]);
  return `${alignTable([['run', 'status', 'jobs', 'last event'], ...rows])}\n`;
}

function document(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
