import type { Evaluation } from '../protocol/run.ts';

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

export function evaluationText({ top1, top5, loss }: Evaluation): string {
  return `top-1 ${percent(top1)}, top-5 ${percent(top5)}, loss ${lossFigure(loss)}`;
}

/** A number of bytes with a binary prefix: `1.4 GiB`. */
export function bytesFigure(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
