import { FREE } from '../jpeg/layout.ts';
import type { Pixels } from '../pixels.ts';
import { aligned, kernelMemory, roomFor } from '../wasm/memory.ts';
import type { Interpolation } from './raster.ts';
import { HALF, LOW_BITS, ONE, PRECISION, resizeKernels } from './resize-kernels.ts';

/** A part of an image, whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A part of an image, its bounds between pixels too. */
export type Region = Box;

/** An image scaled to `width` × `height`, of which the part from (`left`, `top`) on is wanted. */
export interface Scaling {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  /** What of the image, or the part of it, is scaled; all of it unless given. */
  readonly region?: Region | undefined;
  /** Left and right are exchanged in the result. */
  readonly mirrored?: boolean;
}

/** Weights of the source pixels that make up each pixel of a line of the result. */
interface Weights {
  /** Most pixels that one is made of. */
  readonly taps: number;
  /** [length]: the first source pixel. */
  readonly first: Int32Array;
  /** [length, taps], fixed point with PRECISION bits; 0 for pixels behind the source. */
  readonly values: Int32Array;
}

/**
 * Scales the part `box` of an image and writes a square of `size` of the result, from `scaling.left` and `scaling.top` on,
 * into `target` from `offset`. An image that lies in the kernels' memory is scaled where it is.
 *
 * The arithmetic is PIL's `resize`, to the last bit: the kernel is stretched where the image shrinks (antialiasing), lines
 * first, rounded to bytes, then columns; bicubic is Keys' kernel with a = -1/2.
 */
export function resizeBox(
  image: Pixels,
  box: Box,
  scaling: Scaling,
  interpolation: Interpolation,
  size: number,
  target: Uint8Array,
  offset: number,
): void {
  const { channels, width, data } = image;
  const region = scaling.region ?? { ...box, left: 0, top: 0 };
  const across = weightsOf(box.width, region.left, region.width / scaling.width, scaling.left, size, interpolation);
  if (scaling.mirrored) mirrorWeights(across);
  const down = weightsOf(box.height, region.top, region.height / scaling.height, scaling.top, size, interpolation);
  const parts = partsOf(across);
  const groupBytes = parts.byteLength / size;
  const firstRow = down.first[0] as number;
  const rows = Math.min(box.height, (down.first[size - 1] as number) + down.taps) - firstRow;
  const stride = width * channels;
  const start = (box.top + firstRow) * stride + box.left * channels;
  const sourceBytes = (rows - 1) * stride + box.width * channels;
  const lineBytes = size * channels;
  const lineStride = aligned(lineBytes);

  const isThere = data.buffer === kernelMemory().buffer;
  const sourcePlace = isThere ? data.byteOffset + start : FREE;
  // Weights of 0 take what follows the source.
  const firstPlace = aligned(isThere ? data.byteOffset + data.length : FREE + sourceBytes) + 16;
  const acrossPlace = firstPlace + aligned(4 * size);
  const downPlace = acrossPlace + aligned(parts.byteLength);
  const linesPlace = downPlace + aligned(down.values.byteLength);
  const resultPlace = linesPlace + (rows + down.taps) * lineStride;
  const resultEnd = resultPlace + size * lineBytes;
  const bytes = roomFor(resultEnd + 16);
  const { buffer } = bytes;
  if (!isThere) bytes.set(data.subarray(start, start + sourceBytes), sourcePlace);
  new Int32Array(buffer, firstPlace, size).set(across.first.map((first) => first * channels));
  new Int16Array(buffer, acrossPlace, parts.length).set(parts);
  new Int32Array(buffer, downPlace, down.values.length).set(down.values);

  const { line, column } = resizeKernels();
  for (let row = 0; row < rows; row++) {
    const [from, to] = [sourcePlace + row * stride, linesPlace + row * lineStride];
    if (channels === 3) line(from, firstPlace, firstPlace + 4 * size, acrossPlace, groupBytes, to);
    else scaleGreyLine(bytes, from, across, to, size);
  }
  // What is written beyond a line the next one replaces.
  for (let row = 0; row < size; row++) {
    const from = linesPlace + ((down.first[row] as number) - firstRow) * lineStride;
    const weights = downPlace + 4 * row * down.taps;
    const to = resultPlace + row * lineBytes;
    column(from, lineStride, weights, weights + 4 * down.taps, to, to + lineBytes);
  }
  target.set(bytes.subarray(resultPlace, resultEnd), offset);
}

/** Exchanges the first and last pixel of the result, and so on. */
function mirrorWeights({ taps, first, values }: Weights): void {
  first.reverse();
  values.reverse();
  for (let place = 0; place < values.length; place += taps) values.subarray(place, place + taps).reverse();
}

/** The weights of lines as the kernel takes them: in groups of four, and each in two parts. */
function partsOf({ taps, first: { length }, values }: Weights): Int16Array {
  const groups = Math.ceil(taps / 4);
  const parts = new Int16Array(length * groups * 8);
  for (let index = 0, weight = 0; index < length; index++) {
    for (let tap = 0; tap < taps; tap++, weight++) {
      const value = values[weight] as number;
      const place = (index * groups + (tap >> 2)) * 8 + (tap & 3);
      parts[place] = value >> LOW_BITS;
      parts[place + 4] = value & ((1 << LOW_BITS) - 1);
    }
  }
  return parts;
}

function scaleGreyLine(
  bytes: Uint8Array,
  from: number,
  { taps, first, values }: Weights,
  to: number,
  size: number,
): void {
  for (let column = 0, weight = 0; column < size; column++) {
    const start = from + (first[column] as number);
    let sum = HALF;
    for (let tap = 0; tap < taps; tap++, weight++) {
      sum = (sum + Math.imul(bytes[start + tap] as number, values[weight] as number)) | 0;
    }
    const value = sum >> PRECISION;
    bytes[to + column] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
}

/**
 * The weights of `count` pixels, the first of which is number `from`, of a line that is scaled down by `scale`, beginning at
 * `start` of `source` pixels.
 */
function weightsOf(
  source: number,
  start: number,
  scale: number,
  from: number,
  count: number,
  interpolation: Interpolation,
): Weights {
  const kernel = interpolation === 'bicubic' ? cubicKernel : linearKernel;
  const stretch = Math.max(1, scale);
  const shrunk = 1 / stretch;
  const support = (interpolation === 'bicubic' ? 2 : 1) * stretch;
  const first = new Int32Array(count);
  let taps = 0;
  for (let index = 0; index < count; index++) {
    const centre = start + (from + index + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - support + 0.5));
    first[index] = begin;
    taps = Math.max(taps, Math.min(source, Math.trunc(centre + support + 0.5)) - begin);
  }
  const values = new Int32Array(count * taps);
  const line = new Float64Array(taps);
  for (let index = 0; index < count; index++) {
    const begin = first[index] as number;
    const centre = start + (from + index + 0.5) * scale;
    const used = Math.min(source, Math.trunc(centre + support + 0.5)) - begin;
    let sum = 0;
    for (let tap = 0; tap < used; tap++) {
      const weight = kernel((tap + begin - centre + 0.5) * shrunk);
      line[tap] = weight;
      sum += weight;
    }
    for (let tap = 0, place = index * taps; tap < used; tap++, place++) {
      const weight = ((line[tap] as number) / sum) * ONE;
      values[place] = weight < 0 ? weight - 0.5 : weight + 0.5;
    }
  }
  return { taps, first, values };
}

function cubicKernel(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

function linearKernel(distance: number): number {
  return Math.max(0, 1 - Math.abs(distance));
}
