import { kernelMemory } from '../wasm/memory.ts';
import { type Canvas, lengthOf, type Operation } from './canvas.ts';
import { colourKernels } from './colour-kernels.ts';
import { point } from './point.ts';

/*
 * PIL's `ImageEnhance`: an image is blended with a degenerate version of itself; factor 0 gives that version, 1 the image,
 * more than 1 the opposite. PIL blends in single precision and truncates, within [0, 1] without clipping, which is the same.
 */

/** Towards black. */
export function brightness(factor: number): Operation {
  return blendWithConstant(0, factor);
}

/** Towards the mean of the luma. */
export function contrast(factor: number): Operation {
  return (canvas) => blendWithConstant(meanLuma(canvas), factor)(canvas);
}

/** Towards grey: saturation. */
export function colour(factor: number): Operation {
  return (canvas) => {
    const { source, target, channels } = canvas;
    const end = source + lengthOf(canvas);
    if (channels === 3) colourKernels().blendWithLuma(source, end, target, bitsOf(factor));
    else bytesOf().copyWithin(target, source, end);
  };
}

/** Towards the image smoothed by the kernel (1 1 1; 1 5 1; 1 1 1) / 13; pixels at the border stay. */
export function sharpness(factor: number): Operation {
  return (canvas) => {
    const { source, target, width, height, channels } = canvas;
    const stride = width * channels;
    const bytes = bytesOf();
    if (width > 2 && height > 2) {
      const [first, end] = [stride + channels, (height - 1) * stride - channels];
      const { blendWithNeighbours } = colourKernels();
      blendWithNeighbours(source + first, source + end, target + first, bitsOf(factor), stride, channels);
    }
    const keep = (from: number, length: number) => {
      for (let place = from; place < from + length; place++) bytes[target + place] = bytes[source + place] as number;
    };
    for (let row = 1; row < height; row++) keep(row * stride - channels, 2 * channels);
    keep(0, stride);
    keep((height - 1) * stride, stride);
  };
}

function blendWithConstant(degenerate: number, factor: number): Operation {
  const single = Math.fround(factor);
  const table = new Uint8Array(256);
  for (let value = 0; value < 256; value++) {
    const blended = Math.fround(degenerate + Math.fround(single * (value - degenerate)));
    table[value] = Math.max(0, Math.min(255, blended));
  }
  return point(table);
}

function meanLuma(canvas: Canvas): number {
  const { source, channels, width, height } = canvas;
  const bytes = bytesOf();
  const end = source + lengthOf(canvas);
  let sum = 0;
  for (let place = source; place < end; place += channels) sum += luma(bytes, place, channels);
  return Math.trunc(sum / (width * height) + 0.5);
}

/** ITU-R 601-2 luma in 16-bit fixed point, as PIL's `convert('L')`. */
function luma(bytes: Uint8Array, place: number, channels: number): number {
  const first = bytes[place] as number;
  if (channels === 1) return first;
  return (first * 19595 + (bytes[place + 1] as number) * 38470 + (bytes[place + 2] as number) * 7471 + 0x8000) >> 16;
}

function bytesOf(): Uint8Array {
  return new Uint8Array(kernelMemory().buffer);
}

/** The bits of a number of single precision. */
function bitsOf(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] as number;
}
