import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { RunConfig } from '../config/schema.ts';
import { acceptChanges, configChanges } from '../coordinator/config-changes.ts';
import { createRun } from '../coordinator/create-run.ts';
import { prepareRun, settledConfig } from '../coordinator/prepare.ts';
import { recheckRun } from '../coordinator/recheck.ts';
import { checkRunIsNew, recordPath } from '../coordinator/run-directory.ts';
import { checkRunName, freeRunName } from '../coordinator/run-name.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';
import { executeAndPrint } from './execute.ts';
import { addRunOptions, eventsOption, type RunOptions } from './run-options.ts';

type TrainOptions = ConfigOptions & RunOptions & { readonly run?: string; readonly force?: boolean };

/** `incubate train`: checks everything, creates a run and carries it out; one that is there already goes on. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a network: meta model, modules, assembly, fine-tuning, or as --method says')
    .option('--run <name>', 'name of the run, which goes on if it exists (default: recipe or model, date and time)')
    .option('--force', 'go on with other settings, where they do not change what comes out');
  addRunOptions(command, 'print the result as one JSON document');
  return addConfigOptions(command.addOption(eventsOption())).action(train);
}

async function train(options: TrainOptions): Promise<void> {
  const { run, runsDir, json } = options;
  const existing = run === undefined ? undefined : resolve(runsDir, checkRunName(run));
  const isRun = existing !== undefined && existsSync(recordPath(existing));
  if (existing !== undefined && !isRun) checkRunIsNew(existing);
  const { config, recipe } = await configFromOptions(options);
  if (isRun) return goOn(existing, settledConfig(config), options);
  const prepared = await prepareRun(config);
  const name = run ?? freeRunName(recipe ?? config.model.name, runsDir);
  await executeAndPrint(await createRun(prepared, name, runsDir), { json, events: options.events });
}

/** Carries on with a run of the same settings. One that is complete gives its result, so that a command may be repeated. */
async function goOn(runDirectory: string, config: RunConfig, { json, force = false }: TrainOptions): Promise<void> {
  await executeAndPrint(runDirectory, {
    json,
    recheck: (record) => recheckRun(record),
    reconfigure: async (current) =>
      acceptChanges(configChanges(current, config), force, {
        code: 'USAGE_RUN_EXISTS',
        message: `${runDirectory} exists: the run name is in use by a run with other settings`,
        otherwise: 'choose another name with --run',
      }),
  });
}
