import type { Evaluation, RunResult } from '../protocol/run.ts';
import { formatDuration } from '../util/duration.ts';
import { lossFigure, percent } from './figures.ts';

/** Rows of equal length as aligned text: the first column to the left, the others to the right. */
export function alignTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
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
export function resultTable({ metrics, cost, seconds, weights, run, method }: RunResult): string {
  const total = cost.jobs.reduce((sum, job) => sum + job.layerUnits, 0);
  const jobCells = (id: string): [string, string] => {
    const job = cost.jobs.find((candidate) => candidate.job === id);
    if (!job) return ['', ''];
    const share = total === 0 ? 0 : (job.layerUnits / total) * cost.layerUnitsOfEndToEnd;
    return [formatDuration(job.seconds), percent(share)];
  };
  const row = (name: string, { top1, top5, loss }: Evaluation, cells: [string, string] = ['', '']) => [
    name,
    percent(top1),
    percent(top5),
    lossFigure(loss),
    ...cells,
  ];
  const table = alignTable([
    [run, 'top-1', 'top-5', 'loss', 'time', 'layer units'],
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
    ...(skipped.length > 0 ? [['skipped', `images that cannot be decoded: ${skipped.join(', ')}`]] : []),
    ['weights', weights.path],
    ['SHA-256', weights.sha256],
  ];
  return `${table}\n\n${facts.map(([name, value]) => `${name?.padEnd(8)} ${value}`).join('\n')}\n`;
}
