import type { Comparison } from '../compare/comparison.ts';
import type { ComparedRun } from '../compare/read-run.ts';
import { statisticOfAll } from '../compare/statistic.ts';
import type { Measure } from '../measures.ts';
import { jobCurves, lastTraining } from './curves.ts';
import { plotSvg } from './plot.ts';
import { styledRows } from './styles.ts';

const cost = { title: 'cost in layer units, epochs of end-to-end training' };

/** A run: the training loss of every job and its measure on validation images. */
export function runPlot(run: ComparedRun, measure: Measure): string {
  const curves = jobCurves(run, measure);
  const series = (key: 'losses' | 'measured') =>
    curves.map((curve, index) => ({
      name: curve.job,
      colour: index,
      shape: index,
      line: true,
      points: curve[key].map(({ cost: x, value: y }) => ({ x, y })),
    }));
  return plotSvg(`${run.record.name}: loss and ${measure.title}`, [
    { x: cost, y: { title: 'training loss' }, series: series('losses') },
    { x: cost, y: { title: `validation ${measure.title}`, format: measure.axis }, series: series('measured') },
  ]);
}

/** The whole networks of all rows while they are trained, or fine-tuned from their assembly on; means over seeds. */
export function convergencePlot({ rows }: Comparison, measure: Measure): string {
  const series = styledRows(rows).map(({ row, style }) => {
    const curves = row.runs.map(
      (run) => jobCurves(run, measure).find(({ job }) => job === lastTraining(run.record))?.measured ?? [],
    );
    const points = (curves[0] ?? []).flatMap(({ cost: x }, at) => {
      const value = statisticOfAll(curves.map((curve) => curve[at]?.value));
      return value ? [{ x, y: value.mean, yDeviation: value.deviation }] : [];
    });
    return { ...style, line: true, points };
  });
  return plotSvg(`${measure.title} of the whole network`, [
    { x: cost, y: { title: `validation ${measure.title}`, format: measure.axis }, series },
  ]);
}
