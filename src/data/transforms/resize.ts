import type { Pixels } from '../pixels.ts';
import type { Interpolation } from './raster.ts';

/** A part of an image, whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** An image scaled to `width` × `height`, of which the part from (`left`, `top`) on is wanted. */
export interface Scaling {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
}

/** Weights of the source pixels that make up each pixel of a line of the result. */
interface Weights {
  readonly taps: number;
  /** [length]: the first source pixel; all taps lie within the source. */
  readonly first: Int32Array;
  /** [length, taps], fixed point with PRECISION bits. */
  readonly values: Int32Array;
}

/** Bits after the point: a sum of products with bytes, overshooting included, fits into 32 bits. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

/**
 * Scales the part `box` of an image and writes a square of `size` of the result, from `scaling.left` and `scaling.top` on,
 * into `target` from `offset`.
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
  const { channels } = image;
  const across = weightsOf(box.width, scaling.width, scaling.left, size, interpolation);
  const down = weightsOf(box.height, scaling.height, scaling.top, size, interpolation);
  const firstRow = down.first[0] as number;
  const rows = Math.min(box.height, (down.first[size - 1] as number) + down.taps) - firstRow;
  const lines = scratch(rows * size * channels);
  for (let row = 0; row < rows; row++) {
    const start = ((box.top + firstRow + row) * image.width + box.left) * channels;
    scaleLine(image.data, start, channels, across, lines, row * size * channels, size);
  }
  scaleColumns(lines, firstRow, down, target, offset, size * channels, size);
}

function scaleLine(
  source: Uint8Array,
  start: number,
  channels: number,
  { taps, first, values }: Weights,
  target: Uint8Array,
  offset: number,
  size: number,
): void {
  let to = offset;
  for (let column = 0, weight = 0; column < size; column++) {
    const from = start + (first[column] as number) * channels;
    if (channels === 3) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let tap = 0, place = from; tap < taps; tap++, weight++, place += 3) {
        const value = values[weight] as number;
        red = (red + Math.imul(source[place] as number, value)) | 0;
        green = (green + Math.imul(source[place + 1] as number, value)) | 0;
        blue = (blue + Math.imul(source[place + 2] as number, value)) | 0;
      }
      target[to++] = byteOf(red);
      target[to++] = byteOf(green);
      target[to++] = byteOf(blue);
    } else {
      let grey = HALF;
      for (let tap = 0; tap < taps; tap++, weight++) {
        grey = (grey + Math.imul(source[from + tap] as number, values[weight] as number)) | 0;
      }
      target[to++] = byteOf(grey);
    }
  }
}

function scaleColumns(
  lines: Uint8Array,
  firstRow: number,
  { taps, first, values }: Weights,
  target: Uint8Array,
  offset: number,
  stride: number,
  size: number,
): void {
  const sums = new Int32Array(stride);
  for (let row = 0; row < size; row++) {
    sums.fill(HALF);
    for (let tap = 0; tap < taps; tap++) {
      const value = values[row * taps + tap] as number;
      if (value === 0) continue;
      const from = ((first[row] as number) - firstRow + tap) * stride;
      for (let place = 0; place < stride; place++) {
        sums[place] = ((sums[place] as number) + Math.imul(lines[from + place] as number, value)) | 0;
      }
    }
    const to = offset + row * stride;
    for (let place = 0; place < stride; place++) target[to + place] = byteOf(sums[place] as number);
  }
}

function byteOf(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** The weights of the pixels `from`..`from + count` of a line of `length` pixels that `source` pixels are scaled to. */
function weightsOf(source: number, length: number, from: number, count: number, interpolation: Interpolation): Weights {
  const kernel = interpolation === 'bicubic' ? cubicKernel : linearKernel;
  const scale = source / length;
  const stretch = Math.max(1, scale);
  const shrunk = 1 / stretch;
  const support = (interpolation === 'bicubic' ? 2 : 1) * stretch;
  const taps = Math.min(source, Math.ceil(support) * 2 + 1);
  const first = new Int32Array(count);
  const values = new Int32Array(count * taps);
  const line = new Float64Array(taps);
  for (let index = 0; index < count; index++) {
    const centre = (from + index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const used = Math.min(source, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let tap = 0; tap < used; tap++) {
      const weight = kernel((tap + start - centre + 0.5) * shrunk);
      line[tap] = weight;
      sum += weight;
    }
    const shifted = Math.min(start, source - taps);
    first[index] = shifted;
    for (let tap = 0; tap < used; tap++) {
      const weight = ((line[tap] as number) / sum) * 2 ** PRECISION;
      values[index * taps + start - shifted + tap] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
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

/** Kept from image to image; nothing is scaled while another image is. */
let scratchBytes = new Uint8Array(0);

function scratch(bytes: number): Uint8Array {
  if (scratchBytes.length < bytes) scratchBytes = new Uint8Array(bytes);
  return scratchBytes;
}
