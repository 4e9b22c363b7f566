import { parseRandAugment, type RandAugment } from '../../config/rand-augment.ts';
import type { RunConfig } from '../../config/schema.ts';
import { type Normalisation, normalisationOf } from '../normalisation.ts';
import type { ColourJitter } from './colour-jitter.ts';
import type { RandomCrop } from './crop.ts';
import type { Erasing } from './erasing.ts';
import type { Interpolation } from './raster.ts';

/** Images up to this side are cut out of a padding instead of being cropped and scaled, as in DeiT's code. */
const SMALL_IMAGE = 32;

/** How training images are changed at random; what is left out is not done. */
export interface Augmentation {
  /** Pixels of black that are added on every side before a crop of the original size is taken. */
  readonly padding: number;
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** A part of the image is cut out and scaled; then there is no padding. */
  readonly crop?: RandomCrop;
  /** Of the crop, and of operations that move images. */
  readonly interpolation?: Interpolation | 'random';
  readonly operations?: RandAugment;
  readonly jitter?: ColourJitter;
  readonly erasing?: Erasing;
  /** Its mean is the colour of what lies outside of a moved image, and it says what noise is; black and none without it. */
  readonly normalisation?: Normalisation;
}

/** The augmentation that a configuration asks for. */
export function augmentationOf({ data, model }: RunConfig): Augmentation {
  const { crop, interpolation, flip, erasing, randAugment } = data;
  const scale = model.imageSize > SMALL_IMAGE ? crop.scale : null;
  const jitter = jitterOf(data.colorJitter);
  return {
    flip,
    interpolation,
    padding: scale === null ? data.padding : 0,
    ...(scale === null ? {} : { crop: { scale: pairOf(scale), ratio: pairOf(crop.ratio), reduce: crop.reduce } }),
    ...(randAugment === null ? {} : { operations: parseRandAugment(randAugment) }),
    ...(jitter === null ? {} : { jitter }),
    ...(erasing.probability === 0
      ? {}
      : { erasing: { probability: erasing.probability, area: pairOf(erasing.area), ratio: pairOf(erasing.ratio) } }),
    normalisation: normalisationOf({ data, model }),
  };
}

/** Share of the shorter side that evaluation sees of an image, or undefined: images are scaled as they are for training. */
export function evaluationShare({ data, model }: RunConfig): number | undefined {
  return data.evalCropRatio === null || model.imageSize <= SMALL_IMAGE ? undefined : data.evalCropRatio;
}

/** The ranges of factors, or null where nothing changes. */
function jitterOf({ brightness, contrast, saturation }: RunConfig['data']['colorJitter']): ColourJitter | null {
  const [first, second, third] = [rangeOf(brightness), rangeOf(contrast), rangeOf(saturation)];
  if (first === null && second === null && third === null) return null;
  return { brightness: first, contrast: second, saturation: third };
}

/** A spread around 1, or the range itself. */
function rangeOf(factors: number | readonly number[]): readonly [number, number] | null {
  if (typeof factors !== 'number') return pairOf(factors);
  return factors === 0 ? null : [Math.max(0, 1 - factors), 1 + factors];
}

/** Two numbers, as the configuration's schema has made sure. */
function pairOf(values: readonly number[]): readonly [number, number] {
  return [values[0] as number, values[1] as number];
}
