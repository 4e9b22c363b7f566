import type { Evaluation, RunResult } from '../protocol/run.ts';
import { formatDuration } from '../util/duration.ts';
import { diagnosticsText, percent } from './figures.ts';
import { measured, measuresOf } from './measures.ts';

/** Rows of equal length as aligned text: the first columns, `left` of them, to the left, the others to the right. */
export function alignTable(rows: readonly (readonly string[])[], left = 1): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column < left ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What costs are compared with. */
export function endToEnd(hasMeta: boolean): string {
  return `end-to-end training for ${hasMeta ? 'the meta model’s' : 'as many'} epochs`;
}

/** The result of a run for people: accuracies, time and cost of each stage, and where the weights are. */
export function resultTable({ metrics, diagnostics, cost, seconds, weights, run, method }: RunResult): string {
  const total = cost.jobs.reduce((sum, job) => sum + job.layerUnits, 0);
  const jobCells = (id: string): [string, string] => {
    const job = cost.jobs.find((candidate) => candidate.job === id);
    if (!job) return ['', ''];
    const share = total === 0 ? 0 : (job.layerUnits / total) * cost.layerUnitsOfEndToEnd;
    return [formatDuration(job.seconds), percent(share)];
  };
  const measures = measuresOf(metrics.final);
  const row = (name: string, evaluation: Evaluation, cells: [string, string] = ['', '']) => [
    name,
    ...measures.map((measure) => measure.format(measured(evaluation, measure) ?? Number.NaN)),
    ...cells,
  ];
  const table = alignTable([
    [run, ...measures.map(({ title }) => title), 'time', 'layer units'],
    ...(metrics.meta ? [row('meta model', metrics.meta, jobCells('meta'))] : []),
    ...(metrics.modules ?? []).map((metric, index) =>
      row(`module ${index} in meta model`, metric, jobCells(`module-${index}`)),
    ),
    ...(metrics.cold ? [row(metrics.modules ? 'cold assembly' : 'stacked', metrics.cold)] : []),
    metrics.cold
      ? row('fine-tuned', metrics.final, jobCells('finetune'))
      : row('trained', metrics.final, jobCells('train')),
  ]);
  const skipped = cost.jobs.flatMap(({ job, damaged = 0 }) => (damaged > 0 ? [`${damaged} by ${job}`] : []));
  const facts = [
    ['method', method],
    ['time', formatDuration(seconds)],
    [
      'cost',
      `${percent(cost.layerUnitsOfEndToEnd)} of ${endToEnd(metrics.meta !== undefined)}, in layer units; ${percent(cost.criticalPathOfEndToEnd)} on the longest chain of jobs`,
    ],
    ...(diagnostics ? [['assembly', diagnosticsText(diagnostics)]] : []),
    ...(skipped.length > 0 ? [['skipped', `images that cannot be decoded: ${skipped.join(', ')}`]] : []),
    ['weights', weights.path],
    ['SHA-256', weights.sha256],
  ];
  return `${table}\n\n${facts.map(([name, value]) => `${name?.padEnd(8)} ${value}`).join('\n')}\n`;
}
