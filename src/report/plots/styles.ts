import type { ComparisonRow } from '../compare/comparison.ts';
import { settingsText } from '../compare/identity.ts';
import type { PlotSeries } from './plot.ts';

/** How a row of a comparison is drawn. */
type RowStyle = Pick<PlotSeries, 'name' | 'colour' | 'shape'>;

/** Rows of one method have its colour, and of one model, data and settings their shape; with one method alone a colour each. */
export function styledRows(
  rows: readonly ComparisonRow[],
): readonly { readonly row: ComparisonRow; readonly style: RowStyle }[] {
  const methods = [...new Set(rows.map(({ method }) => method))];
  const others = (row: ComparisonRow) => [row.model, row.data, settingsText(row.settings)];
  const variants = [...new Set(rows.map((row) => others(row).join('\n')))];
  const differing = [0, 1, 2].filter((place) => new Set(rows.map((row) => others(row)[place])).size > 1);
  return rows.map((row) => {
    const name = [row.method, ...differing.map((place) => others(row)[place])].filter((part) => part !== '').join(', ');
    const shape = variants.indexOf(others(row).join('\n'));
    return { row, style: { name, shape, colour: methods.length > 1 ? methods.indexOf(row.method) : shape } };
  });
}
