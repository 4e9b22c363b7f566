import type { RunConfig } from '../config/schema.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { cached } from './cache.ts';
import type { Dataset } from './dataset.ts';
import { decodedSplit } from './decoded-split.ts';
import { findImages } from './images.ts';
import type { ImageSet } from './sources/image-set.ts';

/**
 * What the configured data set is, without decoding an image.
 *
 * @throws DATA_* where there is no data set, or it is damaged.
 */
export async function describeDataset(config: RunConfig): Promise<DatasetIdentity> {
  const { identity } = await findImages(config, { reading: false, memory: { bytes: 0 } });
  return identity;
}

/** Opens the configured data set; its images decode when they are first asked for. */
export async function openDataset(config: RunConfig): Promise<Dataset> {
  const { imageSize, channels } = config.model;
  const { resize, cacheMiB } = config.data;
  const memory = { bytes: cacheMiB * 2 ** 20 };
  const { identity, train, validation, inMemory } = await findImages(config, { reading: true, memory });
  const isReady =
    inMemory !== null &&
    [inMemory.height, inMemory.width].every((side) => side === imageSize) &&
    inMemory.channels === channels;
  const split = (set: ImageSet) => {
    const decoded = decodedSplit(set, { size: imageSize, channels, resize });
    return isReady ? decoded : cached(decoded, imageSize * imageSize * channels, memory);
  };
  return { identity, train: split(train), validation: split(validation) };
}
