import type { Comparison, InterfaceStatistics } from '../compare/comparison.ts';
import { plotSvg } from './plot.ts';
import { styledRows } from './styles.ts';

/** The cold assemblies of all rows beside their meta models: alignment and drift at every interface between modules. */
export function interfacePlot({ rows }: Comparison): string {
  // Bars of several rows side by side can be told apart.
  const beside = (index: number) => (index - (rows.length - 1) / 2) * Math.min(0.06, 0.5 / rows.length);
  const panel = (title: string, key: Exclude<keyof InterfaceStatistics, 'module'>) => ({
    x: { title: 'after module', whole: true },
    y: { title },
    series: styledRows(rows).flatMap(({ row, style }, index) =>
      row.interfaces
        ? {
            ...style,
            line: true,
            points: row.interfaces.map((each) => ({
              x: each.module + beside(index),
              y: each[key].mean,
              yDeviation: each[key].deviation,
            })),
          }
        : [],
    ),
  });
  return plotSvg('Interfaces of the cold assembly', [
    panel('CKA with the meta model', 'cka'),
    panel('norm / norm in the meta model', 'normRatio'),
    panel('output error', 'outputError'),
  ]);
}
