import { Command, InvalidArgumentError } from 'commander';
import { acceptChanges, configChanges } from '../coordinator/config-changes.ts';
import { settledConfig } from '../coordinator/prepare.ts';
import { recheckRun } from '../coordinator/recheck.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { executeAndPrint } from './execute.ts';
import { addRunOptions, eventsOption, type RunOptions } from './run-options.ts';

type ResumeOptions = RunOptions & {
  readonly retries?: number;
  readonly only?: readonly string[];
  readonly set?: readonly string[];
  readonly config?: string;
  readonly force?: boolean;
};

/** `incubate resume`: carries on with a run that was stopped, interrupted or failed. */
export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('go on with a run; what is finished is not repeated')
    .argument('<run>', 'name or path of the run')
    .option('--only <jobs>', 'run these jobs and what they need: module-2, or module-0,module-1', collectJobs)
    .option('--retries <n>', 'further attempts of a job that fails (default: as configured)', parseRetries)
    .option('-c, --config <file>', 'YAML file with settings that differ from the run’s; see --force')
    .option('--set <key=value>', 'a setting that differs from the run’s; repeatable; see --force', collect)
    .option('--force', 'go on with other settings, where they do not change what comes out');
  return addRunOptions(command, 'print the result as one JSON document').addOption(eventsOption()).action(resume);
}

async function resume(run: string, options: ResumeOptions): Promise<void> {
  const { runsDir, json, events, retries, only, set: sets, config: configFile, force = false } = options;
  await executeAndPrint(resolveRun(run, runsDir), {
    json,
    events,
    recheck: (record) => recheckRun(record),
    async reconfigure(current) {
      const { overrideConfig } = await import('../config/resolve.ts');
      const wanted = settledConfig(await overrideConfig(current, { configFile, sets }));
      return acceptChanges(configChanges(current, wanted), force, {
        code: 'CONFIG_CHANGED',
        message: 'the run has other settings than are given now',
        otherwise: 'start a new run with `incubate train`',
      });
    },
    ...(only === undefined ? {} : { only }),
    ...(retries === undefined ? {} : { retries }),
  });
}

function parseRetries(value: string): number {
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give a whole number, 0 or more.');
}

function collectJobs(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), ...value.split(',').map((job) => job.trim())];
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
