import { resolve } from 'node:path';
import { Command } from 'commander';
import { createRun } from '../coordinator/create-run.ts';
import { prepareRun } from '../coordinator/prepare.ts';
import { checkRunIsNew } from '../coordinator/run-directory.ts';
import { checkRunName, freeRunName } from '../coordinator/run-name.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';
import { executeAndPrint } from './execute.ts';
import { addRunOptions, eventsOption, type RunOptions } from './run-options.ts';

type TrainOptions = ConfigOptions & RunOptions & { readonly run?: string };

/** `incubate train`: checks everything, creates a run and carries it out. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a network: meta model, modules, assembly, fine-tuning')
    .option('--run <name>', 'name of the run (default: recipe or model, date and time)');
  addRunOptions(command, 'print the result as one JSON document');
  return addConfigOptions(command.addOption(eventsOption())).action(train);
}

async function train(options: TrainOptions): Promise<void> {
  const { run, runsDir, json } = options;
  if (run !== undefined) checkRunIsNew(resolve(runsDir, checkRunName(run)));
  const { config, recipe } = await configFromOptions(options);
  const prepared = await prepareRun(config);
  const name = run ?? freeRunName(recipe ?? config.model.name, runsDir);
  await executeAndPrint(await createRun(prepared, name, runsDir), { json, events: options.events });
}
