import { aligned, roomIn } from '../wasm/module.ts';
import { jpegKernels } from './kernels.ts';
import { PADDING, type Plane } from './plane.ts';

/** Part of an image, in pixels, that the planes cover. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Writes luma to every one of `channels` channels. */
export function writeGrey(luma: Plane, part: Part, channels: number, target: Uint8Array): void {
  const samples = new Uint8Array(jpegKernels().memory.buffer);
  let to = 0;
  for (let row = 0; row < part.height; row++) {
    let from = placeOf(luma, part.left, part.top + row);
    for (let column = 0; column < part.width; column++, from++) {
      for (let channel = 0; channel < channels; channel++) target[to++] = samples[from] as number;
    }
  }
}

/**
 * Writes RGB of luma and chroma, of which one or two columns and one or two rows of luma share a sample.
 *
 * The arithmetic is the Independent JPEG Group's, to the last bit: "fancy" upsampling (`jdsample.c`), by which a sample of
 * chroma weighs 3/4 and its neighbour 1/4 in each direction, and conversion in 16-bit fixed point (`jdcolor.c`).
 *
 * @param free where the kernels' memory is free
 */
export function writeColour(planes: readonly Plane[], free: number, part: Part, target: Uint8Array): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  const { across, down } = luma.component;
  const { memory, writeRow, writePairs } = jpegKernels();
  // The first pixel is the left one of a pair.
  const skipped = across === 2 ? part.left & 1 : 0;
  const left = part.left - skipped;
  const line = aligned(free);
  const end = line + 3 * (part.width + skipped);
  const bytes = roomIn(memory, end + 3 * PADDING);
  if (across === 2) for (const plane of [cb, cr]) extendRows(plane, bytes);
  // Of one row alone there is nothing to weigh: 4 times its samples is 3 times and once.
  const [roundLeft, roundRight] = down === 2 ? [8, 7] : [4, 8];
  for (let row = 0; row < part.height; row++) {
    const y = part.top + row;
    const near = down === 2 ? y >> 1 : y;
    const far = down === 2 ? near + (y & 1 ? 1 : -1) : near;
    const column = left / 2 - 1;
    const luminance = placeOf(luma, left, y);
    if (across === 1) writeRow(luminance, placeOf(cb, left, y), placeOf(cr, left, y), line, end);
    else {
      const [cbNear, cbFar] = [placeOf(cb, column, near), placeOf(cb, column, far)];
      const [crNear, crFar] = [placeOf(cr, column, near), placeOf(cr, column, far)];
      writePairs(luminance, cbNear, cbFar, crNear, crFar, line, end, roundLeft, roundRight);
    }
    target.set(bytes.subarray(line + 3 * skipped, end), row * 3 * part.width);
  }
}

/** Puts the outermost samples of rows of chroma beside them once more, so that they take nothing from beyond the edge. */
function extendRows({ place, stride, rows, left, width }: Plane, bytes: Uint8Array): void {
  const final = width - 1 - left;
  for (let start = place; start < place + rows * stride; start += stride) {
    if (left === 0) bytes[start - 1] = bytes[start] as number;
    if (final + 2 * PADDING < stride) bytes[start + final + 1] = bytes[start + final] as number;
  }
}

/** Where a sample of a component lies; rows beyond the edge are the last ones. */
function placeOf({ place, stride, left, top, height }: Plane, column: number, row: number): number {
  return place + column - left + stride * (Math.max(0, Math.min(height - 1, row)) - top);
}
