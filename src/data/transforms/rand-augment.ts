import { MAX_MAGNITUDE, type RandAugment } from '../../config/rand-augment.ts';
import type { RandomStream } from '../../util/random.ts';
import { rotation, transformAffine } from './affine.ts';
import { brightness, colour, contrast, sharpness } from './enhance.ts';
import {
  applyTable,
  autoContrast,
  equalize,
  invertTable,
  posterizeTable,
  solarizeAddTable,
  solarizeTable,
} from './point.ts';
import type { Interpolation, Raster } from './raster.ts';

/** An operation that has been drawn: its name and the value that its strength comes to. */
export interface DrawnOperation {
  readonly name: OperationName;
  readonly value: number;
  readonly interpolation: Interpolation;
}

export type OperationName = keyof typeof operations;

/** The operations in timm's order; with `inc1` the second name of a pair. */
const drawn: readonly (OperationName | readonly [plain: OperationName, increasing: OperationName])[] = [
  'AutoContrast',
  'Equalize',
  'Invert',
  'Rotate',
  ['Posterize', 'PosterizeIncreasing'],
  ['Solarize', 'SolarizeIncreasing'],
  'SolarizeAdd',
  ['Color', 'ColorIncreasing'],
  ['Contrast', 'ContrastIncreasing'],
  ['Brightness', 'BrightnessIncreasing'],
  ['Sharpness', 'SharpnessIncreasing'],
  'ShearX',
  'ShearY',
  'TranslateXRel',
  'TranslateYRel',
];

type Apply = (
  source: Uint8Array,
  target: Uint8Array,
  raster: Raster,
  value: number,
  interpolation: Interpolation,
  fill: readonly number[],
) => void;

interface Operation {
  /** The value that a strength from 0 to 1 comes to; those that have a direction take it from `sign`, 1 or -1. */
  readonly value: (strength: number, sign: number) => number;
  readonly apply: Apply;
}

const none = () => 0;
const enhancing = (strength: number) => strength * 1.8 + 0.1;
const increasing = (strength: number, sign: number) => 1 + sign * (strength * 0.9);
const posterize: Apply = (source, target, _, bits) => applyTable(source, target, posterizeTable(bits));
const solarize: Apply = (source, target, _, threshold) => applyTable(source, target, solarizeTable(threshold));
const shear = (strength: number, sign: number) => sign * (strength * 0.3);
const translation = (strength: number, sign: number) => sign * (strength * 0.45);

/** Levels and operations as in timm's `auto_augment.py`. */
const operations = {
  AutoContrast: { value: none, apply: autoContrast },
  Equalize: { value: none, apply: equalize },
  Invert: { value: none, apply: (source, target) => applyTable(source, target, invertTable) },
  Rotate: {
    value: (strength, sign) => sign * (strength * 30),
    apply: (source, target, raster, degrees, interpolation, fill) =>
      transformAffine(source, target, raster, rotation(degrees, raster), interpolation, fill),
  },
  Posterize: { value: (strength) => Math.trunc(strength * 4), apply: posterize },
  PosterizeIncreasing: { value: (strength) => 4 - Math.trunc(strength * 4), apply: posterize },
  Solarize: { value: (strength) => Math.trunc(strength * 256), apply: solarize },
  SolarizeIncreasing: { value: (strength) => 256 - Math.trunc(strength * 256), apply: solarize },
  SolarizeAdd: {
    value: (strength) => Math.trunc(strength * 110),
    apply: (source, target, _, added) => applyTable(source, target, solarizeAddTable(added)),
  },
  Color: { value: enhancing, apply: colour },
  ColorIncreasing: { value: increasing, apply: colour },
  Contrast: { value: enhancing, apply: contrast },
  ContrastIncreasing: { value: increasing, apply: contrast },
  Brightness: { value: enhancing, apply: brightness },
  BrightnessIncreasing: { value: increasing, apply: brightness },
  Sharpness: { value: enhancing, apply: sharpness },
  SharpnessIncreasing: { value: increasing, apply: sharpness },
  ShearX: {
    value: shear,
    apply: (source, target, raster, factor, interpolation, fill) =>
      transformAffine(source, target, raster, [1, factor, 0, 0, 1, 0], interpolation, fill),
  },
  ShearY: {
    value: shear,
    apply: (source, target, raster, factor, interpolation, fill) =>
      transformAffine(source, target, raster, [1, 0, 0, factor, 1, 0], interpolation, fill),
  },
  TranslateXRel: {
    value: translation,
    apply: (source, target, raster, share, interpolation, fill) =>
      transformAffine(source, target, raster, [1, 0, share * raster.width, 0, 1, 0], interpolation, fill),
  },
  TranslateYRel: {
    value: translation,
    apply: (source, target, raster, share, interpolation, fill) =>
      transformAffine(source, target, raster, [1, 0, 0, 0, 1, share * raster.height], interpolation, fill),
  },
} as const satisfies Record<string, Operation>;

/** The operations of an image, in the order in which they are applied. */
export function drawOperations(
  settings: RandAugment,
  interpolation: Interpolation | 'random',
  random: RandomStream,
): DrawnOperation[] {
  const result: DrawnOperation[] = [];
  for (let layer = 0; layer < settings.layers; layer++) {
    const entry = drawn[random.integer(drawn.length)] as (typeof drawn)[number];
    if (random.uniform() >= settings.probability) continue;
    const magnitude = settings.magnitude + settings.deviation * random.normal();
    const strength = Math.max(0, Math.min(MAX_MAGNITUDE, magnitude)) / MAX_MAGNITUDE;
    const sign = random.uniform() < 0.5 ? 1 : -1;
    const name: OperationName = typeof entry === 'string' ? entry : entry[settings.increasing ? 1 : 0];
    result.push({
      name,
      value: operations[name].value(strength, sign),
      interpolation: interpolation === 'random' ? (random.uniform() < 0.5 ? 'bilinear' : 'bicubic') : interpolation,
    });
  }
  return result;
}

/**
 * Applies operations to the image that `image` holds [height, width, channels], with `spare` of the same length as room to
 * work in. Returns the one of the two buffers that holds the result.
 *
 * @param fill colour of what lies outside of a moved image
 */
export function applyOperations(
  image: Uint8Array,
  spare: Uint8Array,
  raster: Raster,
  drawnOperations: readonly DrawnOperation[],
  fill: readonly number[],
): Uint8Array {
  let [source, target] = [image, spare];
  for (const { name, value, interpolation } of drawnOperations) {
    const { apply }: Operation = operations[name];
    apply(source, target, raster, value, interpolation, fill);
    [source, target] = [target, source];
  }
  return source;
}
