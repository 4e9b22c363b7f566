/** A row of a table, and the line of the text that it begins in. */
export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Reads comma-separated values (RFC 4180): fields in double quotes may hold commas, line breaks and doubled quotes. Empty
 * lines are passed over.
 *
 * @throws Error naming the line where quotes are not closed, or something stands beside them.
 */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let line = 1;
  let first = 1;
  let at = 0;
  const endRow = () => {
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: first, fields });
    fields = [];
    first = line;
  };
  while (at < text.length) {
    if (text[at] === '"') {
      const { value, end } = quoted(text, at, line);
      fields.push(value);
      line += value.split('\n').length - 1;
      at = end;
    } else {
      const length = text.slice(at).search(/[,\r\n"]|$/);
      if (text[at + length] === '"') throw new Error(`line ${line}: a quote stands within a field that is not quoted`);
      fields.push(text.slice(at, at + length));
      at += length;
    }
    const separator = /^(?:,|\r\n|\n|\r|$)/.exec(text.slice(at, at + 2))?.[0];
    if (separator === undefined) throw new Error(`line ${line}: something stands behind a quoted field`);
    at += separator.length;
    if (separator === ',') {
      if (at === text.length) fields.push('');
      continue;
    }
    line += 1;
    endRow();
  }
  if (fields.length > 0) endRow();
  return rows;
}

function quoted(text: string, from: number, line: number): { readonly value: string; readonly end: number } {
  for (let end = from + 1; ; end += 2) {
    end = text.indexOf('"', end);
    if (end < 0) throw new Error(`line ${line}: a quoted field does not end`);
    if (text[end + 1] !== '"') return { value: text.slice(from + 1, end).replaceAll('""', '"'), end: end + 1 };
  }
}
