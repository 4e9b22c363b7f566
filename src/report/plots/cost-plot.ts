import type { Comparison } from '../compare/comparison.ts';
import { costs } from '../compare/run-figures.ts';
import type { Measure } from '../measures.ts';
import { plotSvg } from './plot.ts';
import { styledRows } from './styles.ts';

/** A cost as an axis: what it is called, and what one of its units holds. */
interface CostAxis {
  readonly name: string;
  readonly key: string;
  readonly units: readonly { readonly title: string; readonly size: number }[];
}

const seconds = [
  { title: 'seconds', size: 1 },
  { title: 'minutes', size: 60 },
  { title: 'hours', size: 3600 },
];

/** The costs that measures are plotted against. */
export const costAxes: readonly CostAxis[] = [
  { name: 'time', key: costs.seconds.key, units: seconds },
  { name: 'device-hours', key: costs.deviceHours.key, units: [{ title: 'device-hours', size: 1 }] },
  {
    name: 'flops',
    key: costs.flops.key,
    units: ['M', 'G', 'T', 'P', 'E'].map((prefix, power) => ({ title: `${prefix}FLOPs`, size: 1e6 * 1000 ** power })),
  },
  {
    name: 'layer-units',
    key: costs.layerUnits.key,
    units: [{ title: 'layer units, epochs of end-to-end training', size: 1 }],
  },
];

/** What rows reached against what it cost, with bars of one standard deviation on each side. */
export function costPlot({ rows }: Comparison, measure: Measure, { name, key, units }: CostAxis): string {
  const largest = Math.max(0, ...rows.map((row) => row.figures[key]?.mean ?? 0));
  const unit = units.findLast(({ size }) => largest >= 2 * size) ?? units[0];
  const { title, size } = unit as CostAxis['units'][number];
  const series = styledRows(rows).map(({ row, style }) => {
    const [cost, reached] = [row.figures[key], row.figures[measure.key]];
    const point = cost &&
      reached && {
        x: cost.mean / size,
        xDeviation: cost.deviation === null ? null : cost.deviation / size,
        y: reached.mean,
        yDeviation: reached.deviation,
      };
    return { ...style, line: false, points: point ? [point] : [] };
  });
  const x = { title: name === 'time' ? `time, ${title}` : title };
  return plotSvg(`${measure.title} against ${name.replaceAll('-', ' ')}`, [
    { x, y: { title: measure.title, format: measure.axis }, series },
  ]);
}
