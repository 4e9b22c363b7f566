import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { loadRunRecord } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { watchRun } from '../coordinator/watch.ts';
import type { RunRecord } from '../protocol/run.ts';
import { jobDirectory } from '../protocol/run-files.ts';
import { copyLogs } from '../report/log-output.ts';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';
import { runsDirOption } from './run-options.ts';

interface LogsOptions {
  readonly runsDir: string;
  readonly follow?: boolean;
  readonly lines?: number;
}

/** `incubate logs`: what the workers of a run wrote. */
export function logsCommand(): Command {
  return new Command('logs')
    .description(
      'print what the worker of a job wrote, over all its attempts; without JOB that of all jobs, each line headed by its job',
    )
    .argument('<run>', 'name or path of the run')
    .argument('[job]', 'meta, module-0, …, finetune, train or evaluate')
    .option('-f, --follow', 'go on as the logs grow, until the run ends')
    .option('-n, --lines <n>', 'begin with the last lines of each log', parseLines)
    .addOption(runsDirOption())
    .action(async (run: string, job: string | undefined, { runsDir, follow, lines }: LogsOptions) => {
      const runDirectory = resolveRun(run, runsDir);
      const record = await loadRunRecord(runDirectory);
      const jobs = job === undefined ? record.plan.jobs.map(({ id }) => id) : [knownJob(job, record)];
      const logs = jobs.map((id) => ({ job: id, path: join(jobDirectory(runDirectory, id), 'log.txt') }));
      const output = copyLogs(logs, lines, process.stdout);
      if (follow) await watchRun(runDirectory, record, ({ ended }) => output.copy(ended));
      else await output.copy(true);
      if (output.seen.size === 0 && lines !== 0) process.stderr.write(`nothing was logged by ${jobs.join(', ')}\n`);
    });
}

/** Throws USAGE_JOB for a job that the run does not have. */
function knownJob(job: string, { name, plan }: RunRecord): string {
  const jobs = plan.jobs.map(({ id }) => id);
  if (jobs.includes(job)) return job;
  throw new IncubateError('USAGE_JOB', `the run ${name} has no job '${job}'`, {
    hint: suggestion(job, jobs) || '`incubate status RUN` lists its jobs.',
  });
}

function parseLines(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give a whole number, 0 or more.');
}
