import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { cached } from './cache.ts';
import type { Dataset, Split } from './dataset.ts';
import { fingerprint, type ImageFile, scanImageFolder } from './scan.ts';
import { shapeClasses } from './shapes/distance.ts';
import { renderShape, SHAPES_VERSION, type ShapeSplit, shapeLabel } from './shapes/render.ts';
import type { ImageSet } from './sources/image-set.ts';
import { limitPerClass } from './subset.ts';

/** Name of the generated data set, in place of a folder. */
export const SHAPES = 'shapes';

/** The images of a data set that a run uses, found but not decoded. */
interface Images {
  readonly classes: readonly string[];
  readonly train: readonly ImageFile[];
  readonly validation: readonly ImageFile[];
}

/**
 * What the configured data set is, without decoding an image.
 *
 * @throws DATA_* where the folder does not hold a data set.
 */
export async function describeDataset(config: RunConfig): Promise<DatasetIdentity> {
  return config.data.source === SHAPES ? shapesIdentity(config) : folderIdentity(config, await findImages(config));
}

/** Opens the configured data set; its images decode when they are first asked for. */
export async function openDataset(config: RunConfig): Promise<Dataset> {
  const { imageSize, channels } = config.model;
  const { source, resize, cacheMiB } = config.data;
  const budget = { bytes: cacheMiB * 2 ** 20 };
  const imageBytes = imageSize * imageSize * channels;
  if (source === SHAPES) {
    const split = (name: ShapeSplit, length: number): Split =>
      cached(
        {
          length,
          label: shapeLabel,
          image: (index) => renderShape(config.seed, name, index, imageSize, channels),
          stored: shapesStored(config, name, length),
        },
        imageBytes,
        budget,
      );
    const identity = shapesIdentity(config);
    return { identity, train: split('train', identity.train), validation: split('validation', identity.validation) };
  }
  const images = await findImages(config);
  // Loaded here, so that describing a data set does not load the image library.
  const { decodeImage } = await import('./decode.ts');
  const split = (files: readonly ImageFile[]): Split =>
    cached(
      {
        length: files.length,
        label: (index) => fileAt(files, index).label,
        image: (index) => decodeImage(join(source, fileAt(files, index).path), { size: imageSize, channels, resize }),
        stored: filesStored(source, files),
      },
      imageBytes,
      budget,
    );
  return { identity: folderIdentity(config, images), train: split(images.train), validation: split(images.validation) };
}

function shapesStored({ seed, model }: RunConfig, split: ShapeSplit, length: number): ImageSet {
  const { imageSize: side, channels } = model;
  return {
    length,
    label: shapeLabel,
    name: (index) => `${split} image ${index}`,
    read: (index) => ({
      kind: 'pixels',
      pixels: { data: renderShape(seed, split, index, side, channels), height: side, width: side, channels },
    }),
  };
}

function filesStored(source: string, files: readonly ImageFile[]): ImageSet {
  return {
    length: files.length,
    label: (index) => fileAt(files, index).label,
    name: (index) => fileAt(files, index).path,
    read: (index) => ({ kind: 'file', path: join(source, fileAt(files, index).path) }),
  };
}

function fileAt(files: readonly ImageFile[], index: number): ImageFile {
  const file = files[index];
  if (!file) throw new RangeError(`no image ${index} among ${files.length}`);
  return file;
}

async function findImages({ data, seed }: RunConfig): Promise<Images> {
  const { classes, train, validation } = await scanImageFolder(data.source, { holdout: data.holdout, seed });
  return {
    classes,
    train: limitPerClass(train, data.trainLimit, seed, 'train'),
    validation: limitPerClass(validation, data.validationLimit, seed, 'validation'),
  };
}

function folderIdentity({ data }: RunConfig, { classes, train, validation }: Images): DatasetIdentity {
  return {
    source: data.source,
    classes,
    train: train.length,
    validation: validation.length,
    fingerprint: fingerprint([...train, ...validation]),
  };
}

function shapesIdentity({ data, seed, model }: RunConfig): DatasetIdentity {
  const train = Math.min(data.shapes.train, data.trainLimit ?? Number.POSITIVE_INFINITY);
  const validation = Math.min(data.shapes.validation, data.validationLimit ?? Number.POSITIVE_INFINITY);
  const settings = JSON.stringify([SHAPES, SHAPES_VERSION, seed, train, validation, model.imageSize, model.channels]);
  return {
    source: SHAPES,
    classes: shapeClasses.map(({ name }) => name),
    train,
    validation,
    fingerprint: createHash('sha256').update(settings).digest('hex'),
  };
}
