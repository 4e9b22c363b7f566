import type { DatasetIdentity, Evaluation } from '../protocol/run.ts';

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

export function evaluationText({ top1, top5, loss, perplexity }: Evaluation): string {
  const figures = `top-1 ${percent(top1)}, top-5 ${percent(top5)}, loss ${lossFigure(loss)}`;
  return perplexity === undefined ? figures : `${figures}, perplexity ${perplexityFigure(perplexity)}`;
}

/** How well it goes, in one figure: perplexity of text, otherwise accuracy. */
export function mainFigure({ top1, perplexity }: Evaluation): string {
  return perplexity === undefined ? `top-1 ${percent(top1)}` : `perplexity ${perplexityFigure(perplexity)}`;
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

/** A number of bytes with a binary prefix: `1.4 GiB`. */
export function bytesFigure(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
