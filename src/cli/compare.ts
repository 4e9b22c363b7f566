import { Command, Option } from 'commander';
import { resolveRun } from '../coordinator/run-name.ts';
import { compareRuns } from '../report/compare/comparison.ts';
import { comparisonDocument } from '../report/compare/document.ts';
import { readComparedRun } from '../report/compare/read-run.ts';
import { type ComparisonFormat, comparisonFormats, formatComparison } from '../report/compare/table.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

type CompareOptions = RunOptions & { readonly format: ComparisonFormat; readonly plot?: string };

/** `incubate compare`: what runs reached and what it cost, those that are equal but for the seed in one row. */
export function compareCommand(): Command {
  const command = new Command('compare')
    .description(
      'show what runs reached and what it cost: those that are equal but for the seed in one row, as mean ± standard deviation',
    )
    .argument('<runs...>', 'names or paths of runs, archived ones too')
    .addOption(
      new Option('--format <format>', 'how the table is written')
        .choices([...comparisonFormats])
        .default('text')
        .conflicts('json'),
    )
    .option('--plot <dir>', 'also write plots into this directory, as SVG');
  return addRunOptions(command, 'print one JSON document').action(compare);
}

async function compare(names: readonly string[], { runsDir, format, json, plot }: CompareOptions): Promise<void> {
  const directories = [...new Set(names.map((name) => resolveRun(name, runsDir)))];
  const runs = await Promise.all(directories.map(readComparedRun));
  const comparison = compareRuns(runs);
  // Imported here, as only plots need scales.
  if (plot !== undefined) await (await import('../report/plots/write-plots.ts')).writePlots(comparison, runs, plot);
  process.stdout.write(
    json ? `${JSON.stringify(comparisonDocument(comparison, runs), null, 2)}\n` : formatComparison(comparison, format),
  );
}
