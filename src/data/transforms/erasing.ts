import type { RandomStream } from '../../util/random.ts';
import { type NoiseTable, noiseOf, noiseTable } from './noise.ts';
import type { Raster } from './raster.ts';
import type { Box } from './resize.ts';

/** Parameters of timm's `RandomErasing` in mode `pixel`, with one area an image. */
export interface Erasing {
  readonly probability: number;
  /** Least and largest share of the image's area. */
  readonly area: readonly [number, number];
  /** Least and largest height / width. */
  readonly ratio: readonly [number, number];
}

const ATTEMPTS = 10;

/** The area of an image that is erased, or undefined: none is, or ten attempts did not fit. */
export function drawErasure(
  { probability, area, ratio }: Erasing,
  { width, height }: Raster,
  random: RandomStream,
): Box | undefined {
  if (random.uniform() >= probability) return undefined;
  const [leastLog, mostLog] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const pixels = width * height * (area[0] + (area[1] - area[0]) * random.uniform());
    const proportions = Math.exp(leastLog + (mostLog - leastLog) * random.uniform());
    const box = {
      height: Math.round(Math.sqrt(pixels * proportions)),
      width: Math.round(Math.sqrt(pixels / proportions)),
    };
    if (box.width >= width || box.height >= height) continue;
    const top = random.integer(height - box.height + 1);
    return { ...box, top, left: random.integer(width - box.width + 1) };
  }
  return undefined;
}

/**
 * Fills an area of the image at `offset` with noise, every value of every pixel drawn on its own.
 *
 * timm erases after normalisation with N(0, 1). Images are normalised from bytes in the step program here, so the noise is
 * what becomes that, see {@link noiseTable}.
 *
 * @param mean per channel, in [0, 1], as the image is normalised with; so is `std`
 */
export function erase(
  target: Uint8Array,
  offset: number,
  { width, channels }: Raster,
  box: Box,
  mean: readonly number[],
  std: readonly number[],
  random: RandomStream,
): void {
  const tables = mean.map((value, channel) => noiseTable(value, std[channel] as number));
  for (let row = box.top; row < box.top + box.height; row++) {
    let place = offset + (row * width + box.left) * channels;
    for (let column = 0; column < box.width; column++) {
      for (let channel = 0; channel < channels; channel++, place++) {
        target[place] = noiseOf(tables[channel] as NoiseTable, random.uniform());
      }
    }
  }
}
