import { scaleLinear } from 'd3-scale';
import { colourClass, dashes, mark, styleSheet } from './palette.ts';
import { element, text, titled } from './svg.ts';

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** Half the length of the error bars. */
  readonly xDeviation?: number | null;
  readonly yDeviation?: number | null;
}

export interface PlotSeries {
  readonly name: string;
  /** Number of its colour; series of one colour belong together. */
  readonly colour: number;
  /** Number of the shape of its marks. */
  readonly shape: number;
  readonly line: boolean;
  readonly points: readonly PlotPoint[];
}

export interface PlotAxis {
  /** With its unit. */
  readonly title: string;
  /** How a tick is written, in the notation of d3-format, but for its digits; as a plain number if absent. */
  readonly format?: string | undefined;
  /** Whether its values are, or are near to, numbers of things, of which nothing is between two. */
  readonly whole?: boolean;
}

/** Axes of their own with the same series as in other panels; a series without points there is not drawn. */
export interface PlotPanel {
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
}

const width = 760;
const margin = { left: 76, right: 24, top: 44 };
const panelHeight = 260;
/** Between panels, and below the last: ticks and the title of an axis. */
const axisHeight = 58;
const legendRow = 20;

/** Panels one below the other and a legend of their series, as an SVG document for light and dark ground. */
export function plotSvg(title: string, panels: readonly PlotPanel[]): string {
  const legend = legendOf(panels);
  const plots = panels.length * (panelHeight + axisHeight);
  const height = margin.top + plots + legend.length * legendRow + 12;
  const drawn = panels.map((panel, index) => drawPanel(panel, margin.top + index * (panelHeight + axisHeight)));
  const rows = legend.map((series, index) => legendEntry(series, margin.top + plots + (index + 0.5) * legendRow));
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' },
    titled(title),
    styleSheet(),
    element('rect', { class: 'ground', width, height }),
    text(title, { class: 'ink title', x: margin.left, y: 26 }),
    ...drawn,
    ...rows,
  )}\n`;
}

/** The first series of every name. */
function legendOf(panels: readonly PlotPanel[]): PlotSeries[] {
  const all = panels.flatMap(({ series }) => series);
  return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
}

function legendEntry({ name, colour, shape, line }: PlotSeries, y: number): string {
  const sample = line
    ? element('line', {
        class: 'line',
        'stroke-dasharray': dashes(colour),
        x1: margin.left,
        x2: margin.left + 24,
        y1: y,
        y2: y,
      })
    : '';
  const drawn = element('g', { class: colourClass(colour) }, sample, mark(shape, margin.left + 12, y));
  return drawn + text(name, { class: 'ink', x: margin.left + 34, y: y + 4 });
}

function drawPanel({ x, y, series: given }: PlotPanel, top: number): string {
  const series = given.map((each) => ({ ...each, points: each.points.filter(isFinitePoint) }));
  const points = series.flatMap((each) => each.points);
  const across = scaleLinear(domain(x, points), [margin.left, width - margin.right]);
  const up = scaleLinear(extent(points, 'y'), [top + panelHeight, top]).nice(6);
  if (!x.whole) across.nice(7);
  const drawn = series.map((each) => drawSeries(each, across, up));
  return [drawAxisBelow(x, across, top), drawAxisBeside(y, up, top), ...drawn].join('');
}

function drawSeries({ name, colour, shape, line, points }: PlotSeries, across: Scale, up: Scale): string {
  const corners = points.map(({ x, y }) => `${across(x).toFixed(2)},${up(y).toFixed(2)}`).join(' ');
  const path = element('polyline', { class: 'line', 'stroke-dasharray': dashes(colour), points: corners });
  // Marks on a long line would hide it.
  const marked = points.filter((_, index) => !line || points.length <= 40 || index === points.length - 1);
  return element(
    'g',
    { class: colourClass(colour) },
    titled(name),
    ...(line && points.length > 1 ? [path] : []),
    ...points.flatMap((point) => errorBars(point, across, up)),
    ...marked.map(({ x, y }) => mark(shape, across(x), up(y), line ? 3 : 4.5)),
  );
}

function isFinitePoint({ x, y }: PlotPoint): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

/** Half a thing on each side of the first and the last, so that none is on the edge. */
function domain({ whole }: PlotAxis, points: readonly PlotPoint[]): [number, number] {
  const [least, largest] = extent(points, 'x');
  return whole ? [Math.round(least) - 0.5, Math.round(largest) + 0.5] : [least, largest];
}

/** Whatever is drawn, error bars included; never empty. */
function extent(points: readonly PlotPoint[], axis: 'x' | 'y'): [number, number] {
  const spread = (point: PlotPoint) => (axis === 'x' ? point.xDeviation : point.yDeviation) ?? 0;
  const least = Math.min(...points.map((point) => point[axis] - spread(point)));
  const largest = Math.max(...points.map((point) => point[axis] + spread(point)));
  if (!Number.isFinite(least) || !Number.isFinite(largest)) return [0, 1];
  const pad = least === largest ? Math.abs(least) / 10 || 0.5 : 0;
  return [least - pad, largest + pad];
}

function errorBars({ x, y, xDeviation, yDeviation }: PlotPoint, across: Scale, up: Scale): string[] {
  const bar = (x1: number, y1: number, x2: number, y2: number) =>
    element('line', { class: 'error', x1: across(x1), y1: up(y1), x2: across(x2), y2: up(y2) });
  return [
    ...(xDeviation ? [bar(x - xDeviation, y, x + xDeviation, y)] : []),
    ...(yDeviation ? [bar(x, y - yDeviation, x, y + yDeviation)] : []),
  ];
}

function drawAxisBelow({ title, format, whole }: PlotAxis, scale: Scale, top: number): string {
  const bottom = top + panelHeight;
  const ticks = scale.ticks(7).filter((tick) => !whole || Number.isInteger(tick));
  const write = whole ? String : scale.tickFormat(7, format);
  return [
    element('line', { class: 'axis', x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom }),
    ...ticks.map((tick) => {
      const x = scale(tick);
      const line = element('line', { class: 'axis', x1: x, x2: x, y1: bottom, y2: bottom + 5 });
      return line + text(write(tick), { class: 'quiet', x, y: bottom + 19, 'text-anchor': 'middle' });
    }),
    text(title, { class: 'ink', x: (margin.left + width - margin.right) / 2, y: bottom + 40, 'text-anchor': 'middle' }),
  ].join('');
}

function drawAxisBeside({ title, format }: PlotAxis, scale: Scale, top: number): string {
  const write = scale.tickFormat(6, format);
  const middle = top + panelHeight / 2;
  return [
    ...scale.ticks(6).map((tick) => {
      const y = scale(tick);
      const line = element('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y, y2: y });
      return line + text(write(tick), { class: 'quiet', x: margin.left - 8, y: y + 4, 'text-anchor': 'end' });
    }),
    text(title, { class: 'ink', 'text-anchor': 'middle', transform: `translate(16 ${middle}) rotate(-90)` }),
  ].join('');
}
