import type { DatasetIdentity, Diagnostics } from '../protocol/run.ts';

/** A share in [0, 1] as `81.23%`. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(2)}%` : '-';
}

export function lossFigure(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(4) : String(loss);
}

/** A count with separators: `1,234,567`. */
export function countFigure(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Four digits: `3.142`, `1234`. */
export function perplexityFigure(perplexity: number): string {
  if (!Number.isFinite(perplexity)) return String(perplexity);
  return perplexity < 1000
    ? perplexity.toPrecision(4)
    : perplexity < 1e6
      ? perplexity.toFixed(0)
      : perplexity.toExponential(2);
}

/** What a data set is, for people: `6,000 images of 10 classes`. */
export function dataFigure({ train, classes, tokens }: DatasetIdentity): string {
  return tokens
    ? `${countFigure(tokens.train)} tokens of ${countFigure(tokens.vocabulary)}`
    : `${countFigure(train)} images of ${classes.length} classes`;
}

/** What an assembly is like at its interfaces, from the first to the last. */
export function diagnosticsText({ interfaces }: Diagnostics): string {
  const list = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
  const alignment = list(interfaces.map(({ cka }) => cka));
  const norms = list(interfaces.map(({ normRatio }) => normRatio));
  return `CKA with the meta model ${alignment}; norms ${norms} times its own`;
}

/** A large number with three digits and an SI prefix: `12.3 G`. */
export function scaledFigure(value: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  const power = value < 1 ? 0 : Math.min(prefixes.length - 1, Math.floor(Math.log10(value) / 3));
  const digits = value / 1000 ** power;
  return `${digits >= 100 || power === 0 ? digits.toFixed(0) : digits.toPrecision(3)} ${prefixes[power]}`;
}

/** A number of bytes with a binary prefix: `1.4 GiB`. */
export function bytesFigure(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
