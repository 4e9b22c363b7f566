import type { Evaluation } from '../protocol/run.ts';
import { lossFigure, percent, perplexityFigure } from './figures.ts';

/** Something that an evaluation measures. */
export interface Measure {
  /** Its name in an {@link Evaluation}. */
  readonly key: string;
  readonly title: string;
  readonly format: (value: number) => string;
  /** How axes write it, in the notation of d3-format; as a plain number if absent. */
  readonly axis?: string;
}

/**
 * Everything that evaluations measure. The first that a task's evaluations have is what its tables and plots show: a task
 * that measures something else has its measures here, before what they have in common with others.
 */
const measures: readonly Measure[] = [
  { key: 'perplexity', title: 'perplexity', format: perplexityFigure },
  { key: 'top1', title: 'top-1', format: percent, axis: '%' },
  { key: 'top5', title: 'top-5', format: percent, axis: '%' },
  { key: 'loss', title: 'loss', format: lossFigure },
];

/** What evaluations like this one measure, the most telling first. */
export function measuresOf(evaluation: Evaluation): readonly Measure[] {
  return measures.filter(({ key }) => key in evaluation);
}

export function measured(evaluation: Evaluation, { key }: Measure): number | undefined {
  const values: Readonly<Record<string, number | undefined>> = { ...evaluation };
  return values[key];
}

/** All that an evaluation measured, for people. */
export function evaluationText(evaluation: Evaluation): string {
  return measuresOf(evaluation)
    .map((measure) => figureOf(evaluation, measure))
    .join(', ');
}

/** The most telling of it. */
export function mainFigure(evaluation: Evaluation): string {
  const [measure] = measuresOf(evaluation);
  return measure ? figureOf(evaluation, measure) : '';
}

function figureOf(evaluation: Evaluation, measure: Measure): string {
  return `${measure.title} ${measure.format(measured(evaluation, measure) ?? Number.NaN)}`;
}
