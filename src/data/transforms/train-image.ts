import type { Pixels } from '../pixels.ts';
import type { Augmentation } from './augmentation.ts';
import { applyAll } from './canvas.ts';
import { drawJitter, jitterOf } from './colour-jitter.ts';
import { drawBox, type RandomCrop } from './crop.ts';
import { drawErasure, erase } from './erasing.ts';
import { type ImageKey, imageStream } from './image-key.ts';
import { drawPlacement, placeImage } from './placement.ts';
import { drawOperations, operationOf } from './rand-augment.ts';
import type { Interpolation, Raster } from './raster.ts';
import { type Box, type Region, resizeBox } from './resize.ts';

/** Where an image [size, size, channels] is written. */
export interface Slot {
  readonly size: number;
  readonly channels: number;
  readonly target: Uint8Array;
  readonly offset: number;
}

/** What is cut out of an image, and how it is scaled. */
export interface DrawnCrop {
  readonly box: Box;
  /** What of the box is scaled; all of it unless given. */
  readonly region?: Region;
  readonly interpolation: Interpolation;
}

/** Writes an image that has the slot's size, changed as the key decides. */
export function augmentScaled(image: Uint8Array, augment: Augmentation, key: ImageKey, slot: Slot): void {
  const { size, channels, target, offset } = slot;
  placeImage(image, size, channels, drawPlacement(augment, key), target, offset);
  changeColours(augment, key, slot);
}

/** The part that is cut out of an image of a size. */
export function drawCrop(
  crop: RandomCrop,
  interpolation: Augmentation['interpolation'],
  key: ImageKey,
  { width, height }: { readonly width: number; readonly height: number },
): DrawnCrop {
  const random = imageStream('crop', key);
  const box = drawBox(crop, width, height, random);
  if (interpolation !== 'random') return { box, interpolation: interpolation ?? 'bicubic' };
  return { box, interpolation: random.uniform() < 0.5 ? 'bilinear' : 'bicubic' };
}

/** Writes the part `box` of an image of any size, scaled, mirrored and changed as the key decides. */
export function augmentCropped(
  image: Pixels,
  { box, region, interpolation }: DrawnCrop,
  augment: Augmentation,
  key: ImageKey,
  slot: Slot,
): void {
  const { size, target, offset } = slot;
  const { mirrored } = drawPlacement({ padding: 0, flip: augment.flip }, key);
  resizeBox(
    image,
    box,
    { width: size, height: size, left: 0, top: 0, region, mirrored },
    interpolation,
    size,
    target,
    offset,
  );
  changeColours(augment, key, slot);
}

/** What follows on cropping and mirroring, in timm's order. */
function changeColours(augment: Augmentation, key: ImageKey, { size, channels, target, offset }: Slot): void {
  const { operations, jitter, erasing, normalisation, interpolation = 'bicubic' } = augment;
  const { mean, std } = normalisation ?? { mean: [0, 0, 0], std: [0, 0, 0] };
  const raster: Raster = { width: size, height: size, channels };
  const image = target.subarray(offset, offset + size * size * channels);
  const fill = mean.map((value) => Math.round(255 * value));
  const drawn = operations ? drawOperations(operations, interpolation, imageStream('operations', key)) : [];
  const jitters = jitter ? drawJitter(jitter, imageStream('jitter', key)) : [];
  applyAll(image, raster, [...drawn.map((each) => operationOf(each, fill)), ...jitters.map(jitterOf)]);
  if (erasing) {
    const random = imageStream('erasing', key);
    const box = drawErasure(erasing, raster, random);
    if (box) erase(image, 0, raster, box, mean, std, random);
  }
}
