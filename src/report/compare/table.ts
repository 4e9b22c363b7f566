import { alignTable } from '../table.ts';
import type { Comparison, ComparisonRow } from './comparison.ts';
import { settingsText } from './identity.ts';
import { costs, type Figure } from './run-figures.ts';
import type { Statistic } from './statistic.ts';

/** Rows of cells, the first of them the heads of columns. */
type Table = readonly (readonly string[])[];

/** How a comparison is written: for terminals, for documents, or one value a field for other programs. */
export const comparisonFormats = ['text', 'markdown', 'csv'] as const;

export type ComparisonFormat = (typeof comparisonFormats)[number];

export function formatComparison(comparison: Comparison, format: ComparisonFormat): string {
  if (format === 'csv') return csv(fullTable(comparison));
  const tables = [mainTable(comparison), interfaceTable(comparison)].filter((table) => table.length > 1);
  const labels = labelColumns(comparison.rows).length;
  const written = tables.map((table) => (format === 'markdown' ? markdown(table) : alignTable(table, labels)));
  return `${[...written, [...legend, ...comparison.notes].join('\n')].join('\n\n')}\n`;
}

const legend: readonly string[] = [
  'Mean ± sample standard deviation over n seeds. Layer units and the critical path in them are in epochs (ep) of end-to-end',
  'training on the same data; a device is a GPU, or the processor as a whole.',
];

/** What people compare by; documents for programs have every figure. */
function shownFigures({ measure, figures, rows }: Comparison): readonly Figure[] {
  if (!measure) return [];
  const cold = figures.find(({ title }) => title === `cold ${measure.title}`);
  const { seconds, deviceHours, flops, layerUnits, criticalPath, peakBytes } = costs;
  const shown = [measure, ...(cold ? [cold] : []), seconds, deviceHours, flops, layerUnits, criticalPath, peakBytes];
  return shown
    .map(({ key }) => figures.find((figure) => figure.key === key) as Figure)
    .filter(({ key }) => rows.some((row) => row.figures[key]));
}

function mainTable(comparison: Comparison): Table {
  const { rows } = comparison;
  const shown = shownFigures(comparison);
  const labels = labelColumns(rows);
  return [
    [...labels.map(({ title }) => title), 'n', ...shown.map(({ title }) => title)],
    ...rows.map((row) => [
      ...labels.map(({ of }) => of(row)),
      String(row.runs.length),
      ...shown.map(({ key, format }) => cell(row.figures[key], format)),
    ]),
  ];
}

/** Method and model, and what else tells the rows apart. */
function labelColumns(rows: readonly ComparisonRow[]) {
  const columns = [
    { title: 'method', of: (row: ComparisonRow) => row.method },
    { title: 'model', of: (row: ComparisonRow) => row.model },
    { title: 'data', of: (row: ComparisonRow) => row.data },
    { title: 'settings', of: (row: ComparisonRow) => settingsText(row.settings) },
  ];
  return columns.filter(({ of }, index) => index < 2 || new Set(rows.map(of)).size > 1);
}

/** A line for each interface between modules of each row. */
function interfaceTable({ rows }: Comparison): Table {
  const labels = labelColumns(rows);
  const decimal = (value: number) => value.toFixed(3);
  return [
    [...labels.map(({ title }) => title), 'after module', 'CKA', 'norm ratio', 'norm error', 'output error'],
    ...rows.flatMap((row) =>
      (row.interfaces ?? []).map(({ module, cka, normRatio, normError, outputError }) => [
        ...labels.map(({ of }) => of(row)),
        String(module),
        ...[cka, normRatio, normError, outputError].map((found) => cell(found, decimal)),
      ]),
    ),
  ];
}

/** The same for every value of a figure: the deviation of what is equal in all runs is not written. */
function cell(found: Statistic | undefined, format: (value: number) => string): string {
  if (!found) return '-';
  const { mean, deviation } = found;
  return deviation === null || deviation === 0 ? format(mean) : `${format(mean)} ± ${format(deviation)}`;
}

/** Every figure in plain numbers, with the deviation in a field of its own. */
function fullTable({ rows, figures }: Comparison): Table {
  const labels = ['method', 'model', 'data', 'settings'];
  return [
    [...labels, 'n', ...figures.flatMap(({ key }) => [key, `${key}Deviation`])],
    ...rows.map((row) => [
      row.method,
      row.model,
      row.data,
      settingsText(row.settings),
      String(row.runs.length),
      ...figures.flatMap(({ key }) => {
        const found = row.figures[key];
        return [found?.mean, found?.deviation ?? undefined].map((value) => (value === undefined ? '' : String(value)));
      }),
    ]),
  ];
}

function markdown(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const [head = [], ...rows] = table;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** RFC 4180, but for its line ends. */
function csv(table: Table): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return table.map((cells) => `${cells.map(field).join(',')}\n`).join('');
}
