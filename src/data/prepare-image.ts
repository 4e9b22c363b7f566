import type { BatchFormat, PrepareImage, Slot } from './assemble.ts';
import type { Split } from './dataset.ts';
import { openImage } from './open-image.ts';
import type { ImageSet } from './sources/image-set.ts';
import type { Augmentation } from './transforms/augmentation.ts';
import { centralScaling } from './transforms/crop.ts';
import type { ImageKey } from './transforms/image-key.ts';
import { resizeBox } from './transforms/resize.ts';
import { augmentCropped, augmentScaled, drawCrop } from './transforms/train-image.ts';

/** Prepares training images: decoded, and changed as (seed, stream, epoch, index, repeat) decide. */
export function trainingImage(
  split: Split,
  augment: Augmentation,
  epoch: Pick<ImageKey, 'seed' | 'stream' | 'epoch'>,
  { channels }: BatchFormat,
): PrepareImage {
  const { crop, interpolation } = augment;
  if (crop === undefined) {
    return (appearance, slot) => {
      const image = split.image(appearance.index);
      const place = (scaled: Uint8Array) => augmentScaled(scaled, augment, { ...epoch, ...appearance }, slot);
      return image instanceof Uint8Array ? place(image) : image.then(place);
    };
  }
  const stored = storedImages(split);
  return async (appearance, slot) => {
    const key = { ...epoch, ...appearance };
    const image = await openImage(stored, appearance.index, channels);
    const { box, interpolation: chosen } = drawCrop(crop, interpolation, key, image);
    const { pixels, left, top } = await image.part(box);
    const drawn = { box: { ...box, left: box.left - left, top: box.top - top }, interpolation: chosen };
    augmentCropped(pixels, drawn, augment, key, slot);
  };
}

/** Prepares images for evaluation: the centre of the stored image where `share` says how much, or all of it scaled. */
export function evaluationImage(
  split: Split,
  { share, channels }: BatchFormat & { readonly share?: number | undefined },
): PrepareImage {
  if (share === undefined) {
    return ({ index }, { target, offset }) => {
      const image = split.image(index);
      const place = (scaled: Uint8Array) => target.set(scaled, offset);
      return image instanceof Uint8Array ? place(image) : image.then(place);
    };
  }
  const stored = storedImages(split);
  return async ({ index }, { size, target, offset }: Slot) => {
    const { width, height, part } = await openImage(stored, index, channels);
    const whole = { left: 0, top: 0, width, height };
    const { pixels } = await part(whole);
    resizeBox(pixels, whole, centralScaling(size, share, width, height), 'bicubic', size, target, offset);
  };
}

function storedImages({ stored }: Split): ImageSet {
  if (stored) return stored;
  throw new RangeError('these images are kept scaled, so nothing can be cut out of them before');
}
