import type { BatchFormat, PrepareImage } from './assemble.ts';
import type { Split } from './dataset.ts';
import { doInThread } from './decoding/threads.ts';
import type { Work } from './decoding/work.ts';
import type { ImageSet } from './sources/image-set.ts';
import type { Augmentation } from './transforms/augmentation.ts';
import type { ImageKey } from './transforms/image-key.ts';
import { augmentScaled } from './transforms/train-image.ts';

/** Prepares training images: decoded, and changed as (seed, stream, epoch, index, repeat) decide. */
export function trainingImage(
  split: Split,
  augment: Augmentation,
  epoch: Pick<ImageKey, 'seed' | 'stream' | 'epoch'>,
  { imageSize, channels }: BatchFormat,
): PrepareImage {
  if (augment.crop) {
    const prepare = preparing(split, { kind: 'crop', size: imageSize, channels, augment });
    return (appearance, target, offset) =>
      prepare(appearance.index, { ...epoch, ...appearance }).then((bytes) => target.set(bytes, offset));
  }
  return (appearance, target, offset) => {
    const image = split.image(appearance.index);
    const key = { ...epoch, ...appearance };
    const slot = { size: imageSize, channels, target, offset };
    if (image instanceof Uint8Array) return augmentScaled(image, augment, key, slot);
    return image.then((decoded) => augmentScaled(decoded, augment, key, slot));
  };
}

/** Prepares images for evaluation: the centre of the stored image where `share` says how much, or all of it scaled. */
export function evaluationImage(
  split: Split,
  { share, imageSize, channels }: BatchFormat & { readonly share?: number | undefined },
): PrepareImage {
  if (share !== undefined) {
    const prepare = preparing(split, { kind: 'centre', size: imageSize, channels, share });
    return ({ index }, target, offset) => prepare(index).then((bytes) => target.set(bytes, offset));
  }
  return ({ index }, target, offset) => {
    const image = split.image(index);
    if (image instanceof Uint8Array) return target.set(image, offset);
    return image.then((decoded) => target.set(decoded, offset));
  };
}

/** Does work on the stored images of a split. */
function preparing({ stored }: Split, work: Work): (index: number, key?: ImageKey) => Promise<Uint8Array> {
  if (!stored) throw new RangeError('these images are kept scaled, so nothing can be cut out of them before');
  return async (index, key) => {
    const image = await stored.read(index);
    return doInThread({ work, image, name: nameOf(stored, index, image), ...(key ? { key } : {}) });
  };
}

/** A name alone would not say where a file is. */
function nameOf(set: ImageSet, index: number, image: Awaited<ReturnType<ImageSet['read']>>): string {
  return image.kind === 'file' ? image.path : set.name(index);
}
