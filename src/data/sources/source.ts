import type { ImageFormat } from '../../config/data-formats.ts';
import type { CacheBudget } from '../cache.ts';
import type { Pixels } from '../pixels.ts';
import { holdOut } from '../subset.ts';
import { type ImageSet, pickImages } from './image-set.ts';

export type PixelShape = Omit<Pixels, 'data'>;

/** A data set that was found; its images are neither read nor decoded. */
export interface ImageSource {
  readonly format: ImageFormat;
  readonly classes: readonly string[];
  readonly train: ImageSet;
  readonly validation: ImageSet;
  /** Shape of the images where they are pixels in memory already, so that keeping them once more would gain nothing. */
  readonly inMemory: PixelShape | null;
  /** What was noticed and passed over, as full sentences. */
  readonly notes: readonly string[];
  /** SHA-256 of what the data set is, of which the images at these places are used. */
  fingerprint(train: readonly number[], validation: readonly number[]): string;
}

export interface SourceOptions {
  /** Share held out for validation where the data set has no such split. */
  readonly holdout: number;
  readonly seed: number;
  /** Whether images will be read: what only they need is then opened, and verified. */
  readonly reading: boolean;
  /** Memory for images that are kept as they are stored; what a source holds is taken from it. */
  readonly memory: CacheBudget;
}

/**
 * The two splits of a data set that may have none for validation: a share of every class is then held out.
 *
 * @throws DATA_EMPTY where nothing can be held out.
 */
export function splitSource(
  place: string,
  train: ImageSet,
  validation: ImageSet | null,
  options: SourceOptions,
): { readonly train: ImageSet; readonly validation: ImageSet } {
  if (validation) return { train, validation };
  const items = Array.from({ length: train.length }, (_, index) => ({
    index,
    label: train.label(index),
    path: train.name(index),
  }));
  const divided = holdOut(items, place, options);
  const pick = (chosen: typeof divided.train) =>
    pickImages(
      train,
      chosen.map(({ index }) => index),
    );
  return { train: pick(divided.train), validation: pick(divided.validation) };
}

/** Takes what a source keeps in memory off what caches may still take. */
export function takeMemory(memory: CacheBudget, bytes: number): void {
  memory.bytes = Math.max(0, memory.bytes - bytes);
}
