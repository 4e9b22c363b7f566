import { roomFor } from '../wasm/memory.ts';
import { type Canvas, lengthOf, SLACK } from './canvas.ts';
import { EDGE, moveKernels } from './move-kernels.ts';
import type { Interpolation, Raster } from './raster.ts';

/** Maps a place (x, y) of the result to (a x + b y + c, d x + e y + f) of the source, in pixels from the top left corner. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** A turn by `degrees` counter-clockwise around the centre, as PIL's `rotate`. */
export function rotation(degrees: number, { width, height }: Raster): Affine {
  const angle = (-degrees * Math.PI) / 180;
  // PIL rounds to 15 decimals, so that turns by right angles are exact.
  const cosine = Number(Math.cos(angle).toFixed(15));
  const sine = Number(Math.sin(angle).toFixed(15));
  const [x, y] = [width / 2, height / 2];
  return [cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y];
}

/**
 * Moves an image by `matrix`; places outside the source take `fill`.
 *
 * The arithmetic is PIL's `transform(AFFINE)`, to the last bit: in double precision from the centres of pixels, with the
 * source's edges extended, results truncated; bicubic is Keys' kernel with a = -1.
 */
export function transformAffine(
  { source, target, scratch, ...raster }: Canvas,
  [a, b, c, d, e, f]: Affine,
  interpolation: Interpolation,
  fill: readonly number[],
): void {
  const { width, height, channels } = raster;
  const stride = (width + 2 * EDGE) * channels;
  const extended = scratch + 64;
  const bytes = roomFor(extended + stride * (height + 2 * EDGE) + SLACK);
  new Float64Array(bytes.buffer, scratch, 8).set([a, d, b, e, c, f, width, height]);
  copyWithEdges(bytes, source, raster, extended);
  moveKernels()[`${interpolation}${channels === 1 ? 1 : 3}`](
    extended + EDGE * (stride + channels),
    stride,
    scratch,
    target,
    target + lengthOf(raster),
    width * channels,
    fill.reduce((packed, byte, channel) => packed | (byte << (8 * channel)), 0),
  );
}

/** Copies an image with its outermost pixels repeated EDGE times on every side. */
function copyWithEdges(bytes: Uint8Array, source: number, { width, height, channels }: Raster, target: number): void {
  const rowBytes = width * channels;
  const stride = rowBytes + 2 * EDGE * channels;
  for (let row = 0; row < height; row++) {
    const start = target + (row + EDGE) * stride;
    const first = start + EDGE * channels;
    bytes.copyWithin(first, source + row * rowBytes, source + (row + 1) * rowBytes);
    for (let byte = 0; byte < EDGE * channels; byte++) {
      bytes[start + byte] = bytes[first + (byte % channels)] as number;
      bytes[first + rowBytes + byte] = bytes[first + rowBytes - channels + (byte % channels)] as number;
    }
  }
  const [top, bottom] = [target + EDGE * stride, target + (EDGE + height - 1) * stride];
  for (let row = 1; row <= EDGE; row++) {
    bytes.copyWithin(top - row * stride, top, top + stride);
    bytes.copyWithin(bottom + row * stride, bottom, bottom + stride);
  }
}
