import { join } from 'node:path';
import { Command } from 'commander';
import { readJournal } from '../coordinator/journal.ts';
import { lockHolder } from '../coordinator/lock.ts';
import { replay } from '../coordinator/replay.ts';
import { listRuns, loadRunRecord } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { jobStatus, runStatus, statusTable } from '../report/status-table.ts';
import { alignTable } from '../report/table.ts';
import { serializeError } from '../util/errors.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

/** `incubate status`: what a run is doing, or all runs; reads the journal and takes no lock. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('show what a run is doing, or list the runs')
    .argument('[run]', 'name or path of the run');
  return addRunOptions(command, 'print one JSON document').action(
    async (run: string | undefined, { runsDir, json }: RunOptions) => {
      const output = await (run === undefined
        ? describeRuns(runsDir, json === true)
        : describeRun(resolveRun(run, runsDir), json === true));
      process.stdout.write(output);
    },
  );
}

async function readRun(runDirectory: string) {
  const record = await loadRunRecord(runDirectory);
  const state = replay(readJournal(runDirectory).events, record.plan.jobs);
  const holder = await lockHolder(runDirectory);
  return { record, state, holder, status: runStatus(state, holder) };
}

async function describeRun(runDirectory: string, json: boolean): Promise<string> {
  const { record, state, holder, status } = await readRun(runDirectory);
  if (!json) return statusTable(record, state, holder);
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
