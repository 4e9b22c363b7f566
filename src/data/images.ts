import type { ImageFormat } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';
import type { CacheBudget } from './cache.ts';
import { findShapes, SHAPES } from './shapes/source.ts';
import { openSource } from './sources/find.ts';
import { type ImageSet, pickImages } from './sources/image-set.ts';
import type { PixelShape } from './sources/source.ts';
import { chooseSubset, type SubsetSize } from './subset.ts';

/** The images of a data set that a run uses, found but neither read nor decoded. */
export interface FoundImages {
  readonly format: ImageFormat | typeof SHAPES;
  readonly identity: DatasetIdentity;
  readonly train: ImageSet;
  readonly validation: ImageSet;
  /** Shape of the images where they are pixels in memory already, so that keeping them once more would gain nothing. */
  readonly inMemory: PixelShape | null;
  /** What was noticed and passed over, as full sentences. */
  readonly notes: readonly string[];
}

export interface FindOptions {
  /** Whether images will be read; a description needs less than that. */
  readonly reading: boolean;
  /** Memory for images that are kept as they are stored; what a source holds is taken from it. */
  readonly memory: CacheBudget;
}

/**
 * Finds the images of the configured data set.
 *
 * @throws DATA_* where there is no data set, or it is damaged.
 */
export async function findImages(config: RunConfig, options: FindOptions): Promise<FoundImages> {
  const { data, seed } = config;
  if (data.source === SHAPES) return findShapes(config);
  if (data.format === 'text') {
    throw new IncubateError('DATA_FORMAT', `${data.source} is to be read as text, which holds no images`, {
      hint: 'Leave data.format=text out where images are meant.',
    });
  }
  const source = await openSource(data.source, data.format, { ...options, holdout: data.holdout, seed });
  const { classes, format, inMemory, notes } = source;
  const choose = (set: ImageSet, size: SubsetSize, split: string) => {
    const items = Array.from({ length: set.length }, (_, index) => ({ index, label: set.label(index) }));
    return chooseSubset(items, size, { seed, split, classes }).map(({ index }) => index);
  };
  const train = choose(source.train, { limit: data.trainLimit, shots: data.shots }, 'train');
  const validation = choose(source.validation, { limit: data.validationLimit, shots: null }, 'validation');
  return {
    format,
    identity: {
      source: data.source,
      classes,
      train: train.length,
      validation: validation.length,
      fingerprint: source.fingerprint(train, validation),
    },
    train: pickImages(source.train, train),
    validation: pickImages(source.validation, validation),
    inMemory,
    notes,
  };
}
