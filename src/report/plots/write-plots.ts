import { join } from 'node:path';
import { writeError, writeFileAtomic } from '../../util/atomic-file.ts';
import { makeDirectory } from '../../util/make-directory.ts';
import type { Comparison } from '../compare/comparison.ts';
import type { ComparedRun } from '../compare/read-run.ts';
import { costAxes, costPlot } from './cost-plot.ts';
import { convergencePlot, runPlot } from './curve-plots.ts';
import { interfacePlot } from './interface-plot.ts';

/**
 * Writes the plots of a comparison into a directory, which is created where it is not there; none where no run is completed.
 * Throws ENVIRONMENT_WRITE.
 */
export async function writePlots(
  comparison: Comparison,
  runs: readonly ComparedRun[],
  directory: string,
): Promise<void> {
  const { measure, rows } = comparison;
  if (!measure) return;
  const plots: [name: string, svg: string][] = [
    ...costAxes.map((axis): [string, string] => [`${measure.key}-${axis.name}`, costPlot(comparison, measure, axis)]),
    [`${measure.key}-convergence`, convergencePlot(comparison, measure)],
    ...(rows.some(({ interfaces }) => interfaces?.length)
      ? [['interfaces', interfacePlot(comparison)] satisfies [string, string]]
      : []),
    ...runs.map((run, index): [string, string] => [runPlotName(runs, index), runPlot(run, measure)]),
  ];
  try {
    await makeDirectory(directory);
  } catch (error) {
    throw writeError(directory, error);
  }
  for (const [name, svg] of plots) await writeFileAtomic(join(directory, `${name}.svg`), svg);
}

/** Runs of different directories may have one name. */
function runPlotName(runs: readonly ComparedRun[], index: number): string {
  const names = runs.slice(0, index + 1).map(({ record }) => record.name);
  const same = names.filter((name) => name === names[index]).length;
  return `run-${names[index]}${same > 1 ? `-${same}` : ''}`;
}
