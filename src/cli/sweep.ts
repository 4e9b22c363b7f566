import { Command } from 'commander';
import type { SweepPoint } from '../config/sweep.ts';
import { signalExitCodes } from '../coordinator/signals.ts';
import { executeSweep, planSweep, type SweepEnd } from '../coordinator/sweep.ts';
import { compareRuns, measuredAlike } from '../report/compare/comparison.ts';
import { readComparedRun } from '../report/compare/read-run.ts';
import { formatComparison } from '../report/compare/table.ts';
import { showProgress } from '../report/progress.ts';
import { IncubateError } from '../util/errors.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';
import { plannedDocument, sweepDocument, sweepText } from './sweep-document.ts';

type SweepOptions = ConfigOptions &
  RunOptions & {
    readonly vary?: readonly string[];
    readonly matrix?: string;
    readonly name?: string;
    readonly dryRun?: boolean;
  };

/** `incubate sweep`: a run for every combination of settings, one after the other; what is done is not repeated. */
export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description(
      'carry out a run for every combination of what is varied, one after the other; the same command goes on with what is left, and tries again what failed',
    )
    .option(
      '--vary <key=values>',
      'values of a setting, such as seed=0,1,2; repeatable',
      (value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value],
    )
    .option('--matrix <file>', 'YAML file with what is varied: lists of values, or names with settings')
    .option('--name <name>', 'what the names of the runs begin with (default: recipe or model)')
    .option('--dry-run', 'list the runs and what they would cost, and train nothing');
  addRunOptions(command, 'print one JSON document');
  return addConfigOptions(command).action(sweep);
}

async function sweep(options: SweepOptions): Promise<void> {
  const { runsDir, json, dryRun, vary, matrix } = options;
  // Imported here, as yaml would slow `--help` down.
  const { readSweep } = await import('../config/sweep.ts');
  const points = await readSweep({ vary, matrix });
  const runs = await planSweep(await configure(points, options), runsDir);
  if (dryRun) {
    const document = plannedDocument(runs, points);
    process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : sweepText(document));
    return;
  }
  const end = await executeSweep(runs, runsDir, {
    begin: ({ name }, index) => void process.stderr.write(`[${index + 1}/${runs.length}] ${name}\n`),
    observe: showProgress,
  });
  const document = sweepDocument(end, points);
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : await endText(end, sweepText(document)));
  conclude(end);
}

async function configure(points: readonly SweepPoint[], options: SweepOptions) {
  const runs = [];
  for (const { label, assignments } of points) {
    const { config, recipe } = await configFromOptions(options, process.env, assignments);
    runs.push({ name: `${options.name ?? recipe ?? config.model.name}-${label}`, config });
  }
  return runs;
}

/** The comparison of what is completed, and what is not. */
async function endText({ runs }: SweepEnd, text: string): Promise<string> {
  const completed = runs.filter(({ status }) => status === 'completed');
  const compared = await Promise.all(completed.map(({ directory }) => readComparedRun(directory)));
  const table = measuredAlike(compared) ? formatComparison(compareRuns(compared), 'text') : '';
  return completed.length === runs.length && table !== ''
    ? table
    : [text, table].filter((part) => part !== '').join('\n');
}

/** Throws TRAINING_SWEEP where a run failed; a signal has an exit status of its own. */
function conclude({ runs, signal }: SweepEnd): void {
  if (signal !== undefined) {
    process.stderr.write(`Stopped by ${signal}. The same command goes on with what is left.\n`);
    process.exitCode = signalExitCodes[signal];
    return;
  }
  const failed = runs.flatMap((run) => (run.status === 'failed' ? [run] : []));
  if (failed.length === 0) return;
  const reasons = failed.map(({ name, error }) => `\n  - ${name}: ${error.message} (${error.code})`);
  throw new IncubateError('TRAINING_SWEEP', `${failed.length} of ${runs.length} runs failed:${reasons.join('')}`, {
    hint: 'The same command tries them again; `incubate status` and `incubate logs` tell more of a run.',
  });
}
