import { applyTable } from './point.ts';
import type { Raster } from './raster.ts';

/*
 * PIL's `ImageEnhance`: an image is blended with a degenerate version of itself; factor 0 gives that version, 1 the image,
 * more than 1 the opposite. PIL blends in single precision and truncates, within [0, 1] without clipping, which is the same.
 */

/** Towards black. */
export function brightness(source: Uint8Array, target: Uint8Array, _: Raster, factor: number): void {
  blendWithConstant(source, target, 0, factor);
}

/** Towards the mean of the luma. */
export function contrast(source: Uint8Array, target: Uint8Array, raster: Raster, factor: number): void {
  const { channels, width, height } = raster;
  let sum = 0;
  for (let place = 0; place < source.length; place += channels) sum += luma(source, place, channels);
  blendWithConstant(source, target, Math.trunc(sum / (width * height) + 0.5), factor);
}

/** Towards grey: saturation. */
export function colour(source: Uint8Array, target: Uint8Array, { channels }: Raster, factor: number): void {
  const scaled = scaledDifferences(factor);
  for (let place = 0; place < source.length; place += channels) {
    const grey = luma(source, place, channels);
    for (let channel = 0; channel < channels; channel++) {
      target[place + channel] = blend(grey, source[place + channel] as number, scaled);
    }
  }
}

/** Towards the image smoothed by the kernel (1 1 1; 1 5 1; 1 1 1) / 13; pixels at the border stay. Not in place. */
export function sharpness(source: Uint8Array, target: Uint8Array, raster: Raster, factor: number): void {
  const { width, height, channels } = raster;
  const stride = width * channels;
  const scaled = scaledDifferences(factor);
  target.set(source);
  for (let row = 1; row < height - 1; row++) {
    const end = (row + 1) * stride - channels;
    for (let place = row * stride + channels; place < end; place++) {
      const sum =
        columnOfThree(source, place - channels, stride) +
        columnOfThree(source, place, stride) +
        columnOfThree(source, place + channels, stride) +
        4 * (source[place] as number);
      target[place] = blend(((2 * sum + 13) / 26) | 0, source[place] as number, scaled);
    }
  }
}

function columnOfThree(source: Uint8Array, place: number, stride: number): number {
  return (source[place - stride] as number) + (source[place] as number) + (source[place + stride] as number);
}

function blendWithConstant(source: Uint8Array, target: Uint8Array, degenerate: number, factor: number): void {
  const scaled = scaledDifferences(factor);
  const table = Uint8Array.from({ length: 256 }, (_, value) => blend(degenerate, value, scaled));
  applyTable(source, target, table);
}

/** factor × difference in single precision, for differences from -255 on. */
function scaledDifferences(factor: number): Float32Array {
  const single = Math.fround(factor);
  return Float32Array.from({ length: 511 }, (_, place) => single * (place - 255));
}

function blend(degenerate: number, value: number, scaled: Float32Array): number {
  const blended = Math.fround(degenerate + (scaled[value - degenerate + 255] as number));
  return blended <= 0 ? 0 : blended >= 255 ? 255 : Math.trunc(blended);
}

/** ITU-R 601-2 luma in 16-bit fixed point, as PIL's `convert('L')`. */
function luma(source: Uint8Array, place: number, channels: number): number {
  const first = source[place] as number;
  if (channels === 1) return first;
  return (first * 19595 + (source[place + 1] as number) * 38470 + (source[place + 2] as number) * 7471 + 0x8000) >> 16;
}
