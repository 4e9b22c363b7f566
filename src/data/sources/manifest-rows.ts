import { messageOf } from '../../util/errors.ts';
import { parseCsv } from './csv.ts';

/** What a manifest says about an image. */
export interface ManifestRow {
  readonly line: number;
  readonly path: string;
  readonly label: string;
  /** Empty: not said. */
  readonly split: string;
}

/**
 * Rows of comma-separated values under a header that names the columns `path`, `label` and, where there are splits, `split`;
 * others are passed over.
 *
 * @throws Error naming the line and what is wrong with it.
 */
export function parseCsvManifest(text: string): ManifestRow[] {
  const [header, ...rows] = parseCsv(text);
  if (!header) throw new Error('it is empty');
  const names = header.fields.map((name) => name.trim());
  const [path, label, split] = ['path', 'label', 'split'].map((name) => {
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw new Error(`line 1: the column '${name}' is there twice`);
    return names.indexOf(name);
  }) as [number, number, number];
  if (path < 0 || label < 0) {
    const missing = path < 0 ? 'path' : 'label';
    throw new Error(`line 1: there is no column '${missing}'; the columns are ${names.slice(0, 10).join(', ')}`);
  }
  return rows.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new Error(`line ${line}: it has ${fields.length} fields, but the header has ${names.length}`);
    }
    return checkRow({
      line,
      path: fields[path] as string,
      label: (fields[label] as string).trim(),
      split: (fields[split] ?? '').trim(),
    });
  });
}

/**
 * Lines that are JSON objects with `path`, `label` (a text or a whole number) and, where there are splits, `split`; other
 * keys are passed over.
 *
 * @throws Error naming the line and what is wrong with it.
 */
export function parseJsonLines(text: string): ManifestRow[] {
  return text.split('\n').flatMap((content, index) => {
    if (content.trim() === '') return [];
    const line = index + 1;
    const { path, label, split = '' } = parseObject(content, line);
    if (typeof path !== 'string') throw new Error(`line ${line}: 'path' is no text`);
    if (typeof label !== 'string' && !Number.isSafeInteger(label)) {
      throw new Error(`line ${line}: 'label' is neither a text nor a whole number`);
    }
    if (typeof split !== 'string') throw new Error(`line ${line}: 'split' is no text`);
    return [checkRow({ line, path, label: String(label).trim(), split: split.trim() })];
  });
}

function parseObject(content: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new Error(`line ${line}: it is no JSON: ${messageOf(error)}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`line ${line}: it is no JSON object`);
}

function checkRow(row: ManifestRow): ManifestRow {
  if (row.path === '') throw new Error(`line ${row.line}: the path is empty`);
  if (row.path.includes('\0')) throw new Error(`line ${row.line}: the path has a zero byte in it`);
  if (row.label === '') throw new Error(`line ${row.line}: the label is empty`);
  return row;
}
