import { createHash } from 'node:crypto';
import { IncubateError, messageOf } from '../../util/errors.ts';
import { CIFAR_PLANES, CIFAR_SIDE, type CifarBatch, type CifarVariant, cifarVariants } from './cifar-batch.ts';
import { readCifarFiles } from './cifar-files.ts';
import { fileError } from './file-error.ts';
import type { ImageSet } from './image-set.ts';
import { type ImageSource, type SourceOptions, splitSource, takeMemory } from './source.ts';

/**
 * CIFAR-10 or CIFAR-100 (its fine labels), in the binary or the Python version, as an archive or unpacked. It is kept in
 * memory as a whole, 184 MB.
 *
 * @throws DATA_FILE naming the file, DATA_FORMAT where there is no data set or several.
 */
export async function openCifar(place: string, options: SourceOptions): Promise<ImageSource> {
  const files = await readCifarFiles(place);
  const names = [...files.keys()].sort();
  const variant = chooseVariant(place, names);
  const trainNames = names.filter((name) => variant.trainFile.test(name));
  for (const [index, name] of trainNames.entries()) {
    const number = variant.trainFile.exec(name)?.[1];
    if (number !== undefined && Number(number) !== index + 1) {
      throw fileError(place, `the files of training images leave out number ${index + 1}`);
    }
  }
  const read = (name: string) => {
    const bytes = files.get(name) as Uint8Array;
    return interpret(place, name, () => checkLabels(variant.readBatch(bytes), variant.classes));
  };
  const train = cifarSet(trainNames.map((name) => ({ name, ...read(name) })));
  const testName = names.find((name) => name === variant.testFile);
  const test = testName === undefined ? null : cifarSet([{ name: testName, ...read(testName) }]);
  const used = [...trainNames, testName, names.find((name) => name === variant.namesFile)];
  const fingerprint = fingerprintOf(files, used);
  const namesFile = files.get(variant.namesFile);
  const labels = namesFile ? interpret(place, variant.namesFile, () => variant.readNames(namesFile)) : null;
  if (labels !== null && new Set(labels).size !== variant.classes) {
    throw fileError(place, `${variant.namesFile} names ${new Set(labels).size} classes instead of ${variant.classes}`);
  }
  takeMemory(options.memory, (train.length + (test?.length ?? 0)) * CIFAR_PLANES);
  return {
    format: 'cifar',
    classes: labels ?? Array.from({ length: variant.classes }, (_, label) => String(label)),
    ...splitSource(place, train, test, options),
    inMemory: { height: CIFAR_SIDE, width: CIFAR_SIDE, channels: 3 },
    notes: labels === null ? [`${variant.namesFile} is not there, so classes are called by their numbers.`] : [],
    fingerprint: () => fingerprint,
  };
}

function chooseVariant(place: string, names: readonly string[]): CifarVariant {
  const found = cifarVariants.filter(({ trainFile }) => names.some((name) => trainFile.test(name)));
  const [variant, other] = found;
  if (variant && !other) return variant;
  const reason = other ? `holds ${found.map(({ title }) => title).join(' and ')}` : 'holds no files of CIFAR';
  throw new IncubateError('DATA_FORMAT', `${place} ${reason}`, {
    hint: 'Expected data_batch_1.bin … with test_batch.bin, train.bin with test.bin, or the same of the Python version.',
  });
}

function interpret<Result>(place: string, name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw fileError(place, `${name}: ${messageOf(error)}`, error);
  }
}

function checkLabels(batch: CifarBatch, classes: number): CifarBatch {
  const wrong = batch.labels.findIndex((label) => label >= classes);
  if (wrong < 0) return batch;
  throw new Error(`image ${wrong} has the label ${batch.labels[wrong]}, but there are ${classes} classes`);
}

function cifarSet(batches: readonly (CifarBatch & { readonly name: string })[]): ImageSet {
  const ends: number[] = [];
  for (const { labels } of batches) ends.push((ends.at(-1) ?? 0) + labels.length);
  const find = (index: number) => {
    const place = ends.findIndex((end) => index < end);
    const batch = batches[place];
    if (!batch || index < 0) throw new RangeError(`no image ${index} among ${ends.at(-1)}`);
    return { batch, within: index - ((ends[place] as number) - batch.labels.length) };
  };
  return {
    length: ends.at(-1) ?? 0,
    label(index) {
      const { batch, within } = find(index);
      return batch.labels[within] as number;
    },
    name(index) {
      const { batch, within } = find(index);
      return `${batch.name}/${within}`;
    },
    read(index) {
      const { batch, within } = find(index);
      const data = interleave(batch.data, batch.start + within * batch.stride);
      return { kind: 'pixels', pixels: { data, height: CIFAR_SIDE, width: CIFAR_SIDE, channels: 3 } };
    },
  };
}

/** From planes [3, 32, 32] to pixels [32, 32, 3]. */
function interleave(data: Uint8Array, from: number): Uint8Array {
  const area = CIFAR_SIDE * CIFAR_SIDE;
  const pixels = new Uint8Array(CIFAR_PLANES);
  for (let pixel = 0, at = 0; pixel < area; pixel++) {
    pixels[at++] = data[from + pixel] as number;
    pixels[at++] = data[from + area + pixel] as number;
    pixels[at++] = data[from + 2 * area + pixel] as number;
  }
  return pixels;
}

/** Over names and contents, so that it does not depend on how the files are packed. */
function fingerprintOf(files: ReadonlyMap<string, Uint8Array>, names: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const name of names) {
    const bytes = name === undefined ? undefined : files.get(name);
    if (bytes) hash.update(`${JSON.stringify([name, bytes.length])}\n`).update(bytes);
  }
  return hash.digest('hex');
}
