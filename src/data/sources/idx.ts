import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { IncubateError } from '../../util/errors.ts';
import { checkClasses, classesOf, labelNumbers } from './classes.ts';
import { fileError, readError } from './file-error.ts';
import { type IdxArray, readIdxFile } from './idx-file.ts';
import type { ImageSet } from './image-set.ts';
import { type ImageSource, type SourceOptions, splitSource, takeMemory } from './source.ts';

/** `emnist-letters-train-images-idx3-ubyte.gz`: what is before, the split, and how the rest is written. */
const imagesName = /^(.*?)(train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$/;
const HINT = 'Expected train-images-idx3-ubyte with train-labels-idx1-ubyte, and t10k-… for validation; also .gz.';

/** Sets of IDX files among names: what stands before `train-images…` in each. */
export function idxPrefixes(names: readonly string[]): string[] {
  const prefixes = names.flatMap((name) => {
    const [, prefix = '', split] = imagesName.exec(name) ?? [];
    return split === 'train' ? [prefix] : [];
  });
  return [...new Set(prefixes)].sort();
}

/**
 * Images and labels in IDX files, as MNIST, Fashion-MNIST and EMNIST are published. They are kept in memory.
 *
 * @param place a folder of them, or the file of training images where a folder has several sets
 * @throws DATA_FILE naming the file, DATA_FORMAT where there is no set or several
 */
export async function openIdx(place: string, options: SourceOptions): Promise<ImageSource> {
  const status = await stat(place).catch((error: unknown) => {
    throw readError(place, error);
  });
  const directory = status.isFile() ? dirname(place) : place;
  const names = await readdir(directory);
  const prefix = status.isFile() ? imagesName.exec(basename(place))?.[1] : onlyPrefix(place, names);
  if (prefix === undefined) throw new IncubateError('DATA_FORMAT', `${place} is no file of images`, { hint: HINT });
  const train = await readSplit(directory, names, prefix, ['train']);
  if (!train) throw new IncubateError('DATA_FORMAT', `${place} has no file of training images`, { hint: HINT });
  const validation = await readSplit(directory, names, prefix, ['t10k', 'test']);
  const classes = classesOf(Array.from(train.labels, String));
  checkClasses(place, classes);
  const splits = splitSource(
    place,
    idxSet(place, 'train', train, classes),
    validation && idxSet(place, 'test', validation, classes),
    options,
  );
  const hash = createHash('sha256');
  for (const { images, labels } of validation ? [train, validation] : [train]) {
    hash
      .update(`${JSON.stringify(images.shape)}\n`)
      .update(images.data)
      .update(labels);
    takeMemory(options.memory, images.data.length);
  }
  const fingerprint = hash.digest('hex');
  const [, height = 0, width = 0] = train.images.shape;
  const alike = !validation || (validation.images.shape[1] === height && validation.images.shape[2] === width);
  return {
    format: 'idx',
    classes,
    ...splits,
    inMemory: alike ? { height, width, channels: 1 } : null,
    notes: [],
    fingerprint: () => fingerprint,
  };
}

interface IdxSplit {
  readonly images: IdxArray;
  readonly labels: Uint8Array;
}

function onlyPrefix(place: string, names: readonly string[]): string | undefined {
  const prefixes = idxPrefixes(names);
  if (prefixes.length < 2) return prefixes[0];
  throw new IncubateError('DATA_FORMAT', `${place} holds several data sets: ${prefixes.join(', ')}`, {
    hint: 'Name the file of training images of the one that is meant.',
  });
}

async function readSplit(
  directory: string,
  names: readonly string[],
  prefix: string,
  splits: readonly string[],
): Promise<IdxSplit | null> {
  const name = names.filter((found) => {
    const match = imagesName.exec(found);
    return match?.[1] === prefix && splits.includes(match[2] as string);
  })[0];
  if (name === undefined) return null;
  const stem = name.replace(/-images([-.])idx3-ubyte(\.gz)?$/, '-labels$1idx1-ubyte');
  // Either file may have been unpacked alone.
  const labelsName = [stem, `${stem}.gz`].find((wanted) => names.includes(wanted));
  const path = join(directory, name);
  if (labelsName === undefined) throw fileError(path, `its labels, ${stem} or ${stem}.gz, are not there`);
  const images = await readIdxFile(path, 3);
  const labels = await readIdxFile(join(directory, labelsName), 1);
  if (images.shape.includes(0)) throw fileError(path, `it holds ${images.shape.join('×')} pixels`);
  if (images.shape[0] !== labels.shape[0]) {
    throw fileError(path, `it has ${images.shape[0]} images, but ${labelsName} has ${labels.shape[0]} labels`);
  }
  return { images, labels: labels.data };
}

function idxSet(place: string, split: string, { images, labels }: IdxSplit, classes: readonly string[]): ImageSet {
  const [length = 0, height = 0, width = 0] = images.shape;
  const numbers = labelNumbers(place, Array.from(labels, String), classes);
  return {
    length,
    label: (index) => numbers[index] as number,
    name: (index) => `${split}/${index}`,
    read(index) {
      if (index < 0 || index >= length) throw new RangeError(`no image ${index} among ${length}`);
      const data = images.data.subarray(index * height * width, (index + 1) * height * width);
      return { kind: 'pixels', pixels: { data, height, width, channels: 1 } };
    },
  };
}
