import type { Pixels } from '../pixels.ts';
import type { Augmentation } from './augmentation.ts';
import { applyJitter, drawJitter } from './colour-jitter.ts';
import { drawBox, type RandomCrop } from './crop.ts';
import { drawErasure, erase } from './erasing.ts';
import { type ImageKey, imageStream } from './image-key.ts';
import { drawPlacement, placeImage } from './placement.ts';
import { applyOperations, drawOperations } from './rand-augment.ts';
import type { Interpolation, Raster } from './raster.ts';
import { type Box, resizeBox } from './resize.ts';

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
  { box, interpolation }: DrawnCrop,
  augment: Augmentation,
  key: ImageKey,
  slot: Slot,
): void {
  const { size, target, offset } = slot;
  const { mirrored } = drawPlacement({ padding: 0, flip: augment.flip }, key);
  resizeBox(image, box, { width: size, height: size, left: 0, top: 0, mirrored }, interpolation, size, target, offset);
  changeColours(augment, key, slot);
}

/** What follows on cropping and mirroring, in timm's order. */
function changeColours(augment: Augmentation, key: ImageKey, { size, channels, target, offset }: Slot): void {
  const { operations, jitter, erasing, normalisation, interpolation } = augment;
  const raster: Raster = { width: size, height: size, channels };
  const image = target.subarray(offset, offset + size * size * channels);
  if (operations) {
    const drawn = drawOperations(operations, interpolation ?? 'bicubic', imageStream('operations', key));
    const fill = normalisation?.mean.map((mean) => Math.round(255 * mean)) ?? [0, 0, 0];
    const result = applyOperations(image, spareOf(image.length), raster, drawn, fill);
    if (result !== image) image.set(result);
  }
  if (jitter) applyJitter(image, raster, drawJitter(jitter, imageStream('jitter', key)));
  if (erasing) {
    const random = imageStream('erasing', key);
    const box = drawErasure(erasing, raster, random);
    const { mean, std } = normalisation ?? { mean: [0, 0, 0], std: [0, 0, 0] };
    if (box) erase(image, 0, raster, box, mean, std, random);
  }
}

/** Kept from image to image; nothing is changed while another image is. */
let spare = new Uint8Array(0);

function spareOf(length: number): Uint8Array {
  if (spare.length !== length) spare = new Uint8Array(length);
  return spare;
}
