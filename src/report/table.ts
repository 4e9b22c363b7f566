import type { Evaluation, RunResult } from '../protocol/run.ts';
import { formatDuration } from '../util/duration.ts';
import { lossFigure, percent, perplexityFigure } from './figures.ts';

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
export const END_TO_END = 'end-to-end training for the meta model’s epochs';

function figuresOf({ top1, top5, loss, perplexity }: Evaluation): string[] {
  const text = perplexity === undefined ? [] : [perplexityFigure(perplexity)];
  return [percent(top1), percent(top5), lossFigure(loss), ...text];
}

/** The result of a run for people: accuracies, time and cost of each stage, and where the weights are. */
export function resultTable({ metrics, cost, seconds, weights, run }: RunResult): string {
  const total = cost.jobs.reduce((sum, job) => sum + job.layerUnits, 0);
  const jobCells = (id: string): [string, string] => {
    const job = cost.jobs.find((candidate) => candidate.job === id);
    if (!job) return ['', ''];
    const share = total === 0 ? 0 : (job.layerUnits / total) * cost.layerUnitsOfEndToEnd;
    return [formatDuration(job.seconds), percent(share)];
  };
  const isText = metrics.final.perplexity !== undefined;
  const row = (name: string, evaluation: Evaluation, cells: [string, string] = ['', '']) => [
    name,
    ...figuresOf(evaluation),
    ...cells,
  ];
  const table = alignTable([
    [run, 'top-1', 'top-5', 'loss', ...(isText ? ['perplexity'] : []), 'time', 'layer units'],
    row('meta model', metrics.meta, jobCells('meta')),
    ...metrics.modules.map((metric, index) =>
      row(`module ${index} in meta model`, metric, jobCells(`module-${index}`)),
    ),
    row('cold assembly', metrics.cold),
    row('fine-tuned', metrics.final, jobCells('finetune')),
  ]);
  const skipped = cost.jobs.flatMap(({ job, damaged = 0 }) => (damaged > 0 ? [`${damaged} by ${job}`] : []));
  const facts = [
    ['time', formatDuration(seconds)],
    [
      'cost',
      `${percent(cost.layerUnitsOfEndToEnd)} of ${END_TO_END}, in layer units; ${percent(cost.criticalPathOfEndToEnd)} on the longest chain of jobs`,
    ],
    ...(skipped.length > 0 ? [['skipped', `images that cannot be decoded: ${skipped.join(', ')}`]] : []),
    ['weights', weights.path],
    ['SHA-256', weights.sha256],
  ];
  return `${table}\n\n${facts.map(([name, value]) => `${name?.padEnd(8)} ${value}`).join('\n')}\n`;
}
