import type { Raster } from './raster.ts';

/** What becomes of each of the 256 values of a byte. */
export type PointTable = Uint8Array;

/** Applies a table to every byte; `source` and `target` may be the same. */
export function applyTable(source: Uint8Array, target: Uint8Array, table: PointTable): void {
  for (let place = 0; place < source.length; place++) target[place] = table[source[place] as number] as number;
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
export function autoContrast(source: Uint8Array, target: Uint8Array, { channels }: Raster): void {
  for (let channel = 0; channel < channels; channel++) {
    const counts = histogram(source, channels, channel);
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    const scale = 255 / (high - low);
    const offset = -low * scale;
    const spread = (value: number) => Math.max(0, Math.min(255, Math.trunc(value * scale + offset)));
    applyToChannel(source, target, channels, channel, tableOf(high <= low ? (value) => value : spread));
  }
}

/** Makes the values of every channel about equally frequent (PIL's `equalize`). */
export function equalize(source: Uint8Array, target: Uint8Array, { channels }: Raster): void {
  for (let channel = 0; channel < channels; channel++) {
    applyToChannel(source, target, channels, channel, equalizingTable(histogram(source, channels, channel)));
  }
}

function equalizingTable(counts: Uint32Array): PointTable {
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

function histogram(source: Uint8Array, channels: number, channel: number): Uint32Array {
  const counts = new Uint32Array(256);
  for (let place = channel; place < source.length; place += channels) {
    const value = source[place] as number;
    counts[value] = (counts[value] as number) + 1;
  }
  return counts;
}

function applyToChannel(
  source: Uint8Array,
  target: Uint8Array,
  channels: number,
  channel: number,
  table: PointTable,
): void {
  for (let place = channel; place < source.length; place += channels) {
    target[place] = table[source[place] as number] as number;
  }
}

function tableOf(of: (value: number) => number): PointTable {
  return Uint8Array.from({ length: 256 }, (_, value) => of(value));
}
