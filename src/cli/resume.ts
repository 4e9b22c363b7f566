import { Command, InvalidArgumentError } from 'commander';
import { recheckRun } from '../coordinator/recheck.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { executeAndPrint } from './execute.ts';
import { addRunOptions, eventsOption, type RunOptions } from './run-options.ts';

type ResumeOptions = RunOptions & { readonly retries?: number };

/** `incubate resume`: carries on with a run that was stopped, interrupted or failed. */
export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('go on with a run; what is finished is not repeated')
    .argument('<run>', 'name or path of the run')
    .option('--retries <n>', 'further attempts of a job that fails (default: as configured)', parseRetries);
  addRunOptions(command, 'print the result as one JSON document').addOption(eventsOption());
  return command.action(async (run: string, { runsDir, json, events, retries }: ResumeOptions) => {
    await executeAndPrint(resolveRun(run, runsDir), {
      json,
      events,
      recheck: recheckRun,
      ...(retries === undefined ? {} : { retries }),
    });
  });
}

function parseRetries(value: string): number {
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give a whole number, 0 or more.');
}
