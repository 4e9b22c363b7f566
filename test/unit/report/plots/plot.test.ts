import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type PlotPanel, type PlotSeries, plotSvg } from '../../../../src/report/plots/plot.ts';

const series = (over: Partial<PlotSeries> = {}): PlotSeries => ({
  name: 'a series',
  colour: 0,
  shape: 0,
  line: false,
  points: [
    { x: 1, y: 0.5 },
    { x: 2, y: 0.75, xDeviation: 0.25, yDeviation: 0.125 },
  ],
  ...over,
});
const panel = (...all: PlotSeries[]): PlotPanel => ({
  x: { title: 'time, hours' },
  y: { title: 'top-1', format: '%' },
  series: all,
});

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, content]) => content);
const count = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].length;

describe('a plot', () => {
  it('says what its axes are, in their units, and what its series are', () => {
    const written = texts(plotSvg('reached', [panel(series(), series({ name: 'another', colour: 1, shape: 1 }))]));
    for (const expected of ['reached', 'time, hours', 'top-1', 'a series', 'another', '50%', '70%', '1.0', '2.0']) {
      expect(written).toContain(expected);
    }
  });

  it('has a mark for every point and one in the legend, and a bar for every deviation', () => {
    const svg = plotSvg('reached', [panel(series())]);
    expect(count(svg, /<circle class="mark"/g)).toBe(3);
    expect(count(svg, /<line class="error"/g)).toBe(2);
  });

  it('has places for its points that are in proportion to their values', () => {
    const points = [0, 1, 4].map((x) => ({ x, y: 10 * x }));
    const marks = [...plotSvg('p', [panel(series({ points }))]).matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)]
      .map(([, x, y]) => [Number(x), Number(y)] as const)
      .slice(0, 3);
    const [[x0, y0], [x1, y1], [x4, y4]] = marks as [
      readonly [number, number],
      readonly [number, number],
      readonly [number, number],
    ];
    expect((x4 - x0) / (x1 - x0)).toBeCloseTo(4, 1);
    expect((y4 - y0) / (y1 - y0)).toBeCloseTo(4, 1);
    expect(x1).toBeGreaterThan(x0);
    expect(y1).toBeLessThan(y0);
  });

  it('lists series that several panels have once', () => {
    const svg = plotSvg('reached', [panel(series()), panel(series())]);
    expect(texts(svg).filter((content) => content === 'a series')).toHaveLength(1);
  });

  it.each<[string, PlotSeries[]]>([
    ['no series', []],
    ['a series without points', [series({ points: [] })]],
    ['a single point', [series({ points: [{ x: 3, y: 3 }] })]],
    ['points at zero', [series({ points: [{ x: 0, y: 0 }] })]],
    [
      'values that are no numbers',
      [
        series({
          line: true,
          points: [
            { x: 1, y: Number.NaN },
            { x: 2, y: Infinity },
            { x: 3, y: 1 },
          ],
        }),
      ],
    ],
    ['names with signs of markup', [series({ name: `<b>&"'\u0000\u001b[1m` })]],
    [
      'more series than colours',
      Array.from({ length: 20 }, (_, index) => series({ name: `s${index}`, colour: index, shape: index, line: true })),
    ],
  ])('can be drawn with %s', async (_, all) => {
    const svg = plotSvg('a plot', [panel(...all)]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const { width } = await sharp(Buffer.from(svg)).metadata();
    expect(width).toBe(760);
  });
});
