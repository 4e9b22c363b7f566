import { aligned, roomIn } from '../wasm/module.ts';
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
 * Writes an image moved by `matrix` into `target`, which is another buffer; places outside the source take `fill`.
 *
 * The arithmetic is PIL's `transform(AFFINE)`, to the last bit: in double precision from the centres of pixels, with the
 * source's edges extended, results truncated; bicubic is Keys' kernel with a = -1.
 */
export function transformAffine(
  source: Uint8Array,
  target: Uint8Array,
  raster: Raster,
  matrix: Affine,
  interpolation: Interpolation,
  fill: readonly number[],
): void {
  const { width, height, channels } = raster;
  const kernels = moveKernels();
  const stride = (width + 2 * EDGE) * channels;
  const matrixPlace = 0;
  const sourcePlace = 64;
  const targetPlace = sourcePlace + aligned(stride * (height + 2 * EDGE) + 16);
  const bytes = roomIn(kernels.memory, targetPlace + source.length + 16);
  const [a, b, c, d, e, f] = matrix;
  new Float64Array(bytes.buffer, matrixPlace, 8).set([a, d, b, e, c, f, width, height]);
  copyWithEdges(source, raster, bytes.subarray(sourcePlace));
  const move = kernels[`${interpolation}${channels === 1 ? 1 : 3}`];
  move(
    sourcePlace + EDGE * (stride + channels),
    stride,
    matrixPlace,
    targetPlace,
    targetPlace + source.length,
    width * channels,
    fill.reduce((packed, byte, channel) => packed | (byte << (8 * channel)), 0),
  );
  target.set(bytes.subarray(targetPlace, targetPlace + source.length));
}

/** Copies an image with its outermost pixels repeated EDGE times on every side. */
function copyWithEdges(source: Uint8Array, { width, height, channels }: Raster, target: Uint8Array): void {
  const rowBytes = width * channels;
  const stride = rowBytes + 2 * EDGE * channels;
  for (let row = 0; row < height; row++) {
    const start = (row + EDGE) * stride;
    const first = start + EDGE * channels;
    target.set(source.subarray(row * rowBytes, (row + 1) * rowBytes), first);
    for (let byte = 0; byte < EDGE * channels; byte++) {
      target[start + byte] = target[first + (byte % channels)] as number;
      target[first + rowBytes + byte] = target[first + rowBytes - channels + (byte % channels)] as number;
    }
  }
  for (let row = 0; row < EDGE; row++) {
    target.copyWithin(row * stride, EDGE * stride, (EDGE + 1) * stride);
    target.copyWithin((EDGE + height + row) * stride, (EDGE + height - 1) * stride, (EDGE + height) * stride);
  }
}
