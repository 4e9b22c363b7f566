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
  const [a, b, c, d, e, f] = matrix;
  const sample = interpolation === 'bicubic' ? bicubic : bilinear;
  let place = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++, place += channels) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c;
      const y = d * (column + 0.5) + e * (row + 0.5) + f;
      if (x >= 0 && x < width && y >= 0 && y < height) {
        sample(source, raster, x - 0.5, y - 0.5, target, place);
      } else {
        for (let channel = 0; channel < channels; channel++) target[place + channel] = fill[channel] as number;
      }
    }
  }
}

function bilinear(source: Uint8Array, raster: Raster, x: number, y: number, target: Uint8Array, place: number): void {
  const { width, height, channels } = raster;
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const row0 = clamp(top, height) * width;
  const row1 = clamp(top + 1, height) * width;
  const column0 = clamp(left, width);
  const column1 = clamp(left + 1, width);
  for (let channel = 0; channel < channels; channel++) {
    const a = source[(row0 + column0) * channels + channel] as number;
    const b = source[(row0 + column1) * channels + channel] as number;
    const c = source[(row1 + column0) * channels + channel] as number;
    const d = source[(row1 + column1) * channels + channel] as number;
    const above = a + (b - a) * dx;
    const below = c + (d - c) * dx;
    // A row past the edge repeats the last one, whose value this is.
    target[place + channel] = above + (below - above) * dy;
  }
}

function bicubic(source: Uint8Array, raster: Raster, x: number, y: number, target: Uint8Array, place: number): void {
  const { width, height, channels } = raster;
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const column0 = clamp(left - 1, width) * channels;
  const column1 = clamp(left, width) * channels;
  const column2 = clamp(left + 1, width) * channels;
  const column3 = clamp(left + 2, width) * channels;
  const stride = width * channels;
  const row0 = clamp(top - 1, height) * stride;
  const row1 = clamp(top, height) * stride;
  const row2 = clamp(top + 1, height) * stride;
  const row3 = clamp(top + 2, height) * stride;
  for (let channel = 0; channel < channels; channel++) {
    const a = column0 + channel;
    const b = column1 + channel;
    const c = column2 + channel;
    const d = column3 + channel;
    const value = cubic(
      cubicOfRow(source, row0, a, b, c, d, dx),
      cubicOfRow(source, row1, a, b, c, d, dx),
      cubicOfRow(source, row2, a, b, c, d, dx),
      cubicOfRow(source, row3, a, b, c, d, dx),
      dy,
    );
    target[place + channel] = value <= 0 ? 0 : value >= 255 ? 255 : value;
  }
}

function cubicOfRow(
  source: Uint8Array,
  row: number,
  a: number,
  b: number,
  c: number,
  d: number,
  distance: number,
): number {
  return cubic(
    source[row + a] as number,
    source[row + b] as number,
    source[row + c] as number,
    source[row + d] as number,
    distance,
  );
}

/** The order of the operations decides on the last bit. */
function cubic(v1: number, v2: number, v3: number, v4: number, distance: number): number {
  const p2 = -v1 + v3;
  const p3 = 2 * (v1 - v2) + v3 - v4;
  const p4 = -v1 + v2 - v3 + v4;
  return v2 + distance * (p2 + distance * (p3 + distance * p4));
}

function clamp(index: number, length: number): number {
  return index < 0 ? 0 : index >= length ? length - 1 : index;
}
