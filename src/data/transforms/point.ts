import { roomFor } from '../wasm/memory.ts';
import { type Canvas, lengthOf, type Operation } from './canvas.ts';
import { colourKernels } from './colour-kernels.ts';

/** What becomes of each of the 256 values of a byte. */
export type PointTable = Uint8Array;

/** Applies a table to every byte. */
export function point(table: PointTable): Operation {
  return (canvas) => applyTables(canvas, [table, table, table]);
}

function applyTables(canvas: Canvas, tables: readonly PointTable[]): void {
  const { source, target, scratch } = canvas;
  const bytes = roomFor(scratch + 3 * 256);
  for (const [channel, table] of tables.entries()) bytes.set(table, scratch + 256 * channel);
  colourKernels().mapBytes(source, source + lengthOf(canvas), scratch, target);
}

export const invertTable: PointTable = tableOf((value) => 255 - value);

/** Keeps the highest `bits` bits, all from 8 on. */
export function posterizeTable(bits: number): PointTable {
  const mask = bits >= 8 ? 255 : 256 - 2 ** (8 - bits);
  return tableOf((value) => value & mask);
}

/** Inverts the values from `threshold` on. */
export function solarizeTable(threshold: number): PointTable {
  return tableOf((value) => (value < threshold ? value : 255 - value));
}

/** Adds to the values below 128, up to 255. */
export function solarizeAddTable(added: number): PointTable {
  return tableOf((value) => (value < 128 ? Math.min(255, value + added) : value));
}

/** Spreads the values of every channel over the whole range (PIL's `autocontrast` without cutoff). */
export const autoContrast: Operation = (canvas) => applyTables(canvas, histograms(canvas).map(spreadingTable));

/** Makes the values of every channel about equally frequent (PIL's `equalize`). */
export const equalize: Operation = (canvas) => applyTables(canvas, histograms(canvas).map(equalizingTable));

function spreadingTable(counts: Int32Array): PointTable {
  const low = counts.findIndex((count) => count > 0);
  const high = counts.findLastIndex((count) => count > 0);
  const scale = 255 / (high - low);
  const offset = -low * scale;
  return tableOf((value) => (high <= low ? value : Math.max(0, Math.min(255, Math.trunc(value * scale + offset)))));
}

function equalizingTable(counts: Int32Array): PointTable {
  const last = counts.findLast((count) => count > 0) ?? 0;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - last) / 255);
  if (step === 0) return tableOf((value) => value);
  let below = Math.floor(step / 2);
  return tableOf((value) => {
    const level = Math.min(255, Math.floor(below / step));
    below += counts[value] as number;
    return level;
  });
}

/** How often each value occurs in each of three channels; grey is taken for three equal ones. */
function histograms(canvas: Canvas): Int32Array[] {
  const { source, scratch, channels } = canvas;
  const bytes = roomFor(scratch + 3 * 1024);
  const counts = new Int32Array(bytes.buffer, scratch, 3 * 256).fill(0);
  const end = source + lengthOf(canvas);
  if (channels === 3) colourKernels().countValues(source, end, scratch);
  else
    for (let place = source; place < end; place++)
      counts[bytes[place] as number] = (counts[bytes[place] as number] as number) + 1;
  return [0, 1, 2].map((channel) =>
    counts.slice(...(channels === 3 ? [256 * channel, 256 * (channel + 1)] : [0, 256])),
  );
}

function tableOf(of: (value: number) => number): PointTable {
  const table = new Uint8Array(256);
  for (let value = 0; value < 256; value++) table[value] = of(value);
  return table;
}
