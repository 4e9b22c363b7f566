import { IncubateError } from '../util/errors.ts';
import { takeImages } from './batch-images.ts';
import type { Batch, DamagedImage, Split } from './dataset.ts';

export interface BatchFormat {
  readonly batchSize: number;
  readonly imageSize: number;
  readonly channels: number;
}

/** What becomes of images that cannot be decoded: the batch fails, or others stand in for them. */
export type Damage = 'fail' | 'skip';

/** An image as it appears in an epoch. */
export interface Appearance {
  /** Its place in the split. */
  readonly index: number;
  /** Which of its appearances in the epoch it is, where images appear more than once. */
  readonly repeat?: number;
}

/** What a place of a batch shows, and what stands in for it if that cannot be decoded, in this order. */
export interface Place {
  readonly image: Appearance;
  readonly substitutes: Iterable<Appearance>;
}

/** Writes an image into `target` from `offset`. Throws DATA_IMAGE where it cannot be decoded, before it writes. */
export type PrepareImage = (image: Appearance, target: Uint8Array, offset: number) => void | Promise<void>;

/**
 * A batch of the images of `places`, each with its own label and weight 1; places without an image, and those that neither
 * it nor a substitute can fill, stay black with weight 0.
 *
 * @throws DATA_IMAGE where an image cannot be decoded and damage is not skipped, or nothing at all can be decoded that may
 *   stand in for it.
 */
export async function assemble(
  split: Split,
  places: readonly Place[],
  prepare: PrepareImage,
  { batchSize, imageSize, channels, onDamage }: BatchFormat & { readonly onDamage?: Damage },
): Promise<Batch> {
  const imageBytes = imageSize * imageSize * channels;
  const images = takeImages(batchSize * imageBytes).fill(0);
  const labels = new Int32Array(batchSize);
  const weights = new Float32Array(batchSize);
  const damaged = new Map<number, DamagedImage>();

  const filled = (place: number, { index }: Appearance) => {
    labels[place] = split.label(index);
    weights[place] = 1;
  };
  const note = ({ index }: Appearance, error: unknown) => {
    if (onDamage !== 'skip' || !isDamage(error)) throw error;
    damaged.set(index, { index, message: error.message });
  };
  const substitute = async (number: number, { image, substitutes }: Place, error: unknown) => {
    note(image, error);
    let tried = 0;
    for (const other of substitutes) {
      tried += 1;
      try {
        await prepare(other, images, number * imageBytes);
        return filled(number, other);
      } catch (failure) {
        note(other, failure);
      }
    }
    if (tried > 0) throw error;
  };

  const pending: Promise<void>[] = [];
  for (const [number, place] of places.entries()) {
    try {
      const written = prepare(place.image, images, number * imageBytes);
      if (written === undefined) filled(number, place.image);
      else {
        pending.push(
          written.then(
            () => filled(number, place.image),
            (error: unknown) => substitute(number, place, error),
          ),
        );
      }
    } catch (error) {
      pending.push(substitute(number, place, error));
    }
  }
  await Promise.all(pending);
  const found = [...damaged.values()].sort((a, b) => a.index - b.index);
  return { images, labels, weights, ...(found.length > 0 ? { damaged: found } : {}) };
}

/** Whether it is the image's fault, and not that of the machine. */
function isDamage(error: unknown): error is IncubateError {
  return error instanceof IncubateError && error.code === 'DATA_IMAGE';
}
