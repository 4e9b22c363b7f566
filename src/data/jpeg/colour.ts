import { aligned, roomIn } from '../wasm.ts';
import { type ColourKernels, colourKernels } from './colour-kernels.ts';
import type { Plane } from './planes.ts';

/** Part of an image, in pixels, that the planes cover. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/*
 * What follows is the Independent JPEG Group's arithmetic, to the last bit: "fancy" upsampling (`jdsample.c`), by which a
 * sample of chroma weighs 3/4 and its neighbour 1/4 in each direction, and conversion in 16-bit fixed point (`jdcolor.c`).
 */

/** Writes luma to every one of `channels` channels. */
export function writeGrey(luma: Plane, part: Part, channels: number, target: Uint8Array): void {
  let to = 0;
  for (let row = 0; row < part.height; row++) {
    let from = rowStart(luma, part.top + row) + part.left - luma.left;
    for (let column = 0; column < part.width; column++, from++) {
      for (let channel = 0; channel < channels; channel++) target[to++] = luma.samples[from] as number;
    }
  }
}

/** Writes RGB where there is a sample of chroma for every pixel. */
export function writeColour(planes: readonly Plane[], part: Part, target: Uint8ClampedArray): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  let to = 0;
  for (let row = part.top; row < part.top + part.height; row++) {
    const start = rowStart(luma, row) + part.left - luma.left;
    for (let place = start; place < start + part.width; place++, to += 3) {
      const blue = (cb.samples[place] as number) - 128;
      const red = (cr.samples[place] as number) - 128;
      writePixel(luma.samples[place] as number, blue, red, target, to);
    }
  }
}

/** Writes RGB where two columns, and with `down` = 2 also two rows, share a sample of chroma. */
export function writeColourOfPairs(planes: readonly Plane[], down: number, part: Part, target: Uint8Array): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  kernels ??= colourKernels();
  const cbPlace = aligned(luma.stride * luma.rows + READ_AHEAD);
  const crPlace = cbPlace + cb.rows * paddedStride(cb);
  const rowPlace = aligned(crPlace + cr.rows * paddedStride(cr) + READ_AHEAD);
  // The first pixel is the left one of a pair.
  const skipped = part.left & 1;
  const end = rowPlace + 3 * (part.width + skipped);
  const bytes = roomIn(kernels.memory, end + 3 * READ_AHEAD);
  bytes.set(luma.samples.subarray(0, luma.stride * luma.rows));
  copyPadded(cb, bytes, cbPlace);
  copyPadded(cr, bytes, crPlace);

  const left = part.left - skipped;
  const first = left / 2 - cb.left + PADDING - 1;
  // Of one row alone there is nothing to weigh: 4 times its samples is 3 times and once.
  const [roundLeft, roundRight] = down === 2 ? [8, 7] : [4, 8];
  for (let row = 0; row < part.height; row++) {
    const y = part.top + row;
    const near = first + paddedStride(cb) * rowOf(cb, down === 2 ? y >> 1 : y);
    const far = down === 2 ? first + paddedStride(cb) * rowOf(cb, (y >> 1) + (y & 1 ? 1 : -1)) : near;
    kernels.pairs(
      luma.stride * rowOf(luma, y) + left - luma.left,
      cbPlace + near,
      cbPlace + far,
      crPlace + near,
      crPlace + far,
      rowPlace,
      end,
      roundLeft,
      roundRight,
    );
    target.set(bytes.subarray(rowPlace + 3 * skipped, end), row * 3 * part.width);
  }
}

/** Kept from image to image; nothing is converted while another image is. */
let kernels: ColourKernels | undefined;

/** Bytes that a kernel may read or write beyond what counts. */
const READ_AHEAD = 16;
/** Bytes before and behind a row of chroma. */
const PADDING = 16;

function paddedStride({ stride }: Plane): number {
  return stride + 2 * PADDING;
}

/** Copies rows of chroma; the outermost samples are there twice, so that they take nothing from beyond the edge. */
function copyPadded(plane: Plane, bytes: Uint8Array, place: number): void {
  const { samples, stride, rows, left, width } = plane;
  const final = width - 1 - left;
  for (let row = 0; row < rows; row++) {
    const start = place + row * paddedStride(plane) + PADDING;
    bytes.set(samples.subarray(row * stride, (row + 1) * stride), start);
    if (left === 0) bytes[start - 1] = bytes[start] as number;
    if (final < stride) bytes[start + final + 1] = bytes[start + final] as number;
  }
}

function writePixel(luma: number, blue: number, red: number, target: Uint8ClampedArray, to: number): void {
  target[to] = luma + ((Math.imul(91881, red) + 32768) >> 16);
  target[to + 1] = luma + ((Math.imul(-22554, blue) + Math.imul(-46802, red) + 32768) >> 16);
  target[to + 2] = luma + ((Math.imul(116130, blue) + 32768) >> 16);
}

/** Which row of a plane a row of the component is; rows beyond the edge are the last ones. */
function rowOf({ top, height }: Plane, row: number): number {
  return Math.max(0, Math.min(height - 1, row)) - top;
}

/** Where the samples of a row of the component begin. */
function rowStart(plane: Plane, row: number): number {
  return rowOf(plane, row) * plane.stride;
}
