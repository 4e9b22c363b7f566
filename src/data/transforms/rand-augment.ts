import { MAX_MAGNITUDE, type RandAugment } from '../../config/rand-augment.ts';
import type { RandomStream } from '../../util/random.ts';
import { type Affine, rotation, transformAffine } from './affine.ts';
import type { Operation } from './canvas.ts';
import { brightness, colour, contrast, sharpness } from './enhance.ts';
import {
  autoContrast,
  equalize,
  invertTable,
  point,
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

interface OperationKind {
  /** The value that a strength from 0 to 1 comes to; those that have a direction take it from `sign`, 1 or -1. */
  readonly value: (strength: number, sign: number) => number;
  /** The operation of a value; `fill` is the colour of what lies outside of a moved image. */
  readonly of: (value: number, interpolation: Interpolation, fill: readonly number[]) => Operation;
}

const none = () => 0;
const enhancing = (strength: number) => strength * 1.8 + 0.1;
const increasing = (strength: number, sign: number) => 1 + sign * (strength * 0.9);
const posterize = (bits: number) => point(posterizeTable(bits));
const solarize = (threshold: number) => point(solarizeTable(threshold));
const shear = (strength: number, sign: number) => sign * (strength * 0.3);
const translation = (strength: number, sign: number) => sign * (strength * 0.45);
/** A move by the matrix that a value comes to. */
const moving =
  (matrix: (value: number, raster: Raster) => Affine): OperationKind['of'] =>
  (value, interpolation, fill) =>
  (canvas) =>
    transformAffine(canvas, matrix(value, canvas), interpolation, fill);

/** Levels and operations as in timm's `auto_augment.py`. */
const operations = {
  AutoContrast: { value: none, of: () => autoContrast },
  Equalize: { value: none, of: () => equalize },
  Invert: { value: none, of: () => point(invertTable) },
  Rotate: { value: (strength, sign) => sign * (strength * 30), of: moving(rotation) },
  Posterize: { value: (strength) => Math.trunc(strength * 4), of: posterize },
  PosterizeIncreasing: { value: (strength) => 4 - Math.trunc(strength * 4), of: posterize },
  Solarize: { value: (strength) => Math.trunc(strength * 256), of: solarize },
  SolarizeIncreasing: { value: (strength) => 256 - Math.trunc(strength * 256), of: solarize },
  SolarizeAdd: { value: (strength) => Math.trunc(strength * 110), of: (added) => point(solarizeAddTable(added)) },
  Color: { value: enhancing, of: colour },
  ColorIncreasing: { value: increasing, of: colour },
  Contrast: { value: enhancing, of: contrast },
  ContrastIncreasing: { value: increasing, of: contrast },
  Brightness: { value: enhancing, of: brightness },
  BrightnessIncreasing: { value: increasing, of: brightness },
  Sharpness: { value: enhancing, of: sharpness },
  SharpnessIncreasing: { value: increasing, of: sharpness },
  ShearX: { value: shear, of: moving((factor) => [1, factor, 0, 0, 1, 0]) },
  ShearY: { value: shear, of: moving((factor) => [1, 0, 0, factor, 1, 0]) },
  TranslateXRel: { value: translation, of: moving((share, { width }) => [1, 0, share * width, 0, 1, 0]) },
  TranslateYRel: { value: translation, of: moving((share, { height }) => [1, 0, 0, 0, 1, share * height]) },
} as const satisfies Record<string, OperationKind>;

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
 * What an operation that has been drawn does.
 *
 * @param fill colour of what lies outside of a moved image
 */
export function operationOf({ name, value, interpolation }: DrawnOperation, fill: readonly number[]): Operation {
  const kind: OperationKind = operations[name];
  return kind.of(value, interpolation, fill);
}
