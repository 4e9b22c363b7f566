import { kernelMemory } from '../wasm/memory.ts';
import { jpegKernels } from './kernels.ts';
import { PADDING, type Plane } from './plane.ts';

/** Bytes behind the pixels that are overwritten. */
export const WRITTEN_BEHIND = 48;

/** Part of an image, in pixels, that the planes cover. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Writes luma to every one of `channels` channels, from `target` on in the kernels' memory. */
export function writeGrey(luma: Plane, part: Part, channels: number, target: number): void {
  const bytes = new Uint8Array(kernelMemory().buffer);
  let to = target;
  for (let row = 0; row < part.height; row++) {
    let from = placeOf(luma, part.left, part.top + row);
    for (let column = 0; column < part.width; column++, from++) {
      for (let channel = 0; channel < channels; channel++) bytes[to++] = bytes[from] as number;
    }
  }
}

/**
 * Writes RGB of luma and chroma, of which one or two columns and one or two rows of luma share a sample, from `target` on in the
 * kernels' memory. WRITTEN_BEHIND bytes behind are overwritten.
 *
 * The arithmetic is the Independent JPEG Group's, to the last bit: "fancy" upsampling (`jdsample.c`), by which a sample of
 * chroma weighs 3/4 and its neighbour 1/4 in each direction, and conversion in 16-bit fixed point (`jdcolor.c`).
 */
export function writeColour(planes: readonly Plane[], part: Part, target: number): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  const { pixelsAcross, pixelsDown } = cb;
  const { writeRow, writePairs } = jpegKernels();
  if (pixelsAcross === 2) for (const plane of [cb, cr]) extendRows(plane);
  const bytes = new Uint8Array(kernelMemory().buffer);
  // Pairs begin with a left pixel, though it be of the row before.
  const skipped = pixelsAcross === 2 ? part.left & 1 : 0;
  const left = part.left - skipped;
  const column = left / 2 - 1;
  // Of one row alone there is nothing to weigh: 4 times its samples is 3 times and once.
  const [roundLeft, roundRight] = pixelsDown === 2 ? [8, 7] : [4, 8];
  for (let row = 0; row < part.height; row++) {
    const y = part.top + row;
    const luminance = placeOf(luma, left, y);
    const start = target + row * 3 * part.width;
    const end = start + 3 * part.width;
    if (pixelsAcross === 1) {
      writeRow(luminance, placeOf(cb, left, y), placeOf(cr, left, y), start, end);
      continue;
    }
    const near = pixelsDown === 2 ? y >> 1 : y;
    const far = pixelsDown === 2 ? near + (y & 1 ? 1 : -1) : near;
    const [cbNear, cbFar] = [placeOf(cb, column, near), placeOf(cb, column, far)];
    const [crNear, crFar] = [placeOf(cr, column, near), placeOf(cr, column, far)];
    const [red, green, blue] = [bytes[start - 3], bytes[start - 2], bytes[start - 1]] as [number, number, number];
    writePairs(luminance, cbNear, cbFar, crNear, crFar, start - 3 * skipped, end, roundLeft, roundRight);
    [bytes[start - 3], bytes[start - 2], bytes[start - 1]] = [red, green, blue];
  }
}

/** Puts the outermost samples of rows of chroma beside them once more, so that they take nothing from beyond the edge. */
function extendRows({ place, stride, rows, left, width }: Plane): void {
  const bytes = new Uint8Array(kernelMemory().buffer);
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
