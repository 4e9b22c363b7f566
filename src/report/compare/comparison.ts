import type { Diagnostics, InterfaceDiagnostics } from '../../protocol/run.ts';
import { IncubateError } from '../../util/errors.ts';
import { countFigure } from '../figures.ts';
import { type Measure, measuresOf } from '../measures.ts';
import { identityKey, identityOf, labelRows, type RowLabel } from './identity.ts';
import type { ComparedRun } from './read-run.ts';
import { type CompletedRun, costs, evaluationFigures, type Figure, isCompleted } from './run-figures.ts';
import { type Statistic, statisticOfAll } from './statistic.ts';

/** Runs that are equal but for the seed. */
export interface ComparisonRow extends RowLabel {
  /** Completed runs of different seeds: the n of the statistics. */
  readonly runs: readonly CompletedRun[];
  /** By the keys of the figures; what not all of the runs measured is left out. */
  readonly figures: Readonly<Record<string, Statistic>>;
  /** At each interface between modules, where all of the runs say. */
  readonly interfaces?: readonly InterfaceStatistics[];
}

export type InterfaceStatistics = Readonly<Record<Exclude<keyof InterfaceDiagnostics, 'module'>, Statistic>> & {
  readonly module: number;
};

export interface Comparison {
  /** What the runs' task is measured by; undefined where none is completed. */
  readonly measure: Measure | undefined;
  /** Every figure that a row may have, in the order of columns. */
  readonly figures: readonly Figure[];
  readonly rows: readonly ComparisonRow[];
  /** What is not in the rows, and why, as full sentences. */
  readonly notes: readonly string[];
}

/**
 * Compares runs: those that are equal but for the seed become one row. Runs that are not completed, and repeated seeds,
 * count in no mean and are noted.
 *
 * @throws USAGE_COMPARE where the runs' tasks are measured by different things
 */
export function compareRuns(runs: readonly ComparedRun[]): Comparison {
  const completed = runs.filter(isCompleted);
  const { final, cold } = evaluationFigures(completed);
  checkOneTask(completed);
  const figures: readonly Figure[] = [...final, ...cold, ...Object.values(costs)];
  const groups = groupRuns(runs);
  const labels = labelRows(groups.map(([first]) => identityOf((first as ComparedRun).record)));
  const members = groups.map((group) => distinctSeeds(group.filter(isCompleted)));
  return {
    measure: completed[0] && measuresOf(completed[0].result.metrics.final)[0],
    figures,
    rows: members.map((group, index) => rowOf(labels[index] as RowLabel, group, figures)),
    notes: [
      ...runs.flatMap(unfinishedNote),
      ...groups.flatMap((group) => repeatedNotes(group.filter(isCompleted))),
      ...vocabularyNote(completed),
    ],
  };
}

/** Groups in the order of their first runs. */
function groupRuns(runs: readonly ComparedRun[]): ComparedRun[][] {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) {
    const key = identityKey(identityOf(run.record));
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()];
}

function rowOf(label: RowLabel, runs: readonly CompletedRun[], figures: readonly Figure[]): ComparisonRow {
  const measured = figures.flatMap(({ key, of }) => {
    const found = statisticOfAll(runs.map(of));
    return found ? [[key, found] as const] : [];
  });
  const interfaces = interfaceStatistics(runs.map(({ result }) => result.diagnostics));
  return { ...label, runs, figures: Object.fromEntries(measured), ...(interfaces && { interfaces }) };
}

function interfaceStatistics(all: readonly (Diagnostics | undefined)[]): InterfaceStatistics[] | undefined {
  const first = all[0]?.interfaces;
  return first?.flatMap(({ module }, index) => {
    const of = (key: 'normRatio' | 'normError' | 'outputError' | 'cka') =>
      statisticOfAll(all.map((diagnostics) => diagnostics?.interfaces[index]?.[key]));
    const [normRatio, normError, outputError, cka] = [of('normRatio'), of('normError'), of('outputError'), of('cka')];
    return normRatio && normError && outputError && cka ? [{ module, normRatio, normError, outputError, cka }] : [];
  });
}

/** Whether there is something to compare, and it is measured by the same. */
export function measuredAlike(runs: readonly ComparedRun[]): boolean {
  return new Set(runs.filter(isCompleted).map(mainMeasure)).size === 1;
}

function mainMeasure({ result }: CompletedRun): string {
  return measuresOf(result.metrics.final)[0]?.title ?? 'nothing known';
}

function checkOneTask(runs: readonly CompletedRun[]): void {
  const [first] = runs;
  const other = runs.find((run) => first && mainMeasure(run) !== mainMeasure(first));
  if (!first || !other) return;
  throw new IncubateError(
    'USAGE_COMPARE',
    `${first.record.name} is measured by ${mainMeasure(first)} and ${other.record.name} by ${mainMeasure(other)}: runs of different tasks cannot be compared`,
    { hint: 'Compare the runs of each task by themselves.' },
  );
}

/** The first run of every seed. */
function distinctSeeds(runs: readonly CompletedRun[]): CompletedRun[] {
  return runs.filter((run, index) => runs.findIndex((other) => seedOf(other) === seedOf(run)) === index);
}

function repeatedNotes(runs: readonly CompletedRun[]): string[] {
  const counted = distinctSeeds(runs);
  return runs
    .filter((run) => !counted.includes(run))
    .map((run) => {
      const same = counted.find((other) => seedOf(other) === seedOf(run));
      return `${run.record.name} repeats the settings and the seed of ${same?.record.name} and is left out.`;
    });
}

function unfinishedNote({ record, status, state }: ComparedRun): string[] {
  if (status === 'completed') return [];
  const done = [...state.jobs.values()].filter((job) => job.status === 'completed').length;
  return [`${record.name} is ${status} with ${done} of ${record.plan.jobs.length} jobs done, and is left out.`];
}

function vocabularyNote(runs: readonly CompletedRun[]): string[] {
  const sizes = new Set(runs.flatMap(({ record }) => record.dataset.tokens?.vocabulary ?? []));
  if (sizes.size < 2) return [];
  const known = [...sizes].map(countFigure).join(', ');
  return [
    `Perplexities, losses and accuracies are per token: those of different vocabularies (${known}) do not compare.`,
  ];
}

function seedOf({ record }: ComparedRun): number {
  return record.config.seed;
}
