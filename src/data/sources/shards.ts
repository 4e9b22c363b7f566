import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { IncubateError } from '../../util/errors.ts';
import { withReader } from './byte-reader.ts';
import { checkClasses, classesOf, labelNumbers } from './classes.ts';
import { imageExtensions } from './extensions.ts';
import { fileError } from './file-error.ts';
import { readSlice } from './file-slices.ts';
import type { ImageSet } from './image-set.ts';
import { divideShards, shardsAt } from './shard-places.ts';
import { type ImageSource, type SourceOptions, splitSource } from './source.ts';
import { tarMembers } from './tar-members.ts';

/** An image in a shard, with the text of its `.cls`. */
interface Sample {
  readonly shard: string;
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly label: string;
}

/** Longest text of a label, bytes. */
const LONGEST_LABEL = 256;
/** Shards that are indexed at a time. */
const CONCURRENCY = 4;

/**
 * Tar shards in WebDataset's layout: members `<key>.<image extension>` with `<key>.cls`, which holds the label. Their headers
 * are read once; images are read by their offsets when they are asked for.
 *
 * @param place a shard, a pattern of shards, or a folder of them
 * @throws DATA_FILE, DATA_EMPTY, DATA_CLASSES, DATA_FORMAT naming the shard, the reason and the way out
 */
export async function openShards(place: string, options: SourceOptions): Promise<ImageSource> {
  const { train, validation, notes } = divideShards(place, await shardsAt(place));
  const indexed = { train: await indexShards(train), validation: await indexShards(validation) };
  if (indexed.train.length === 0) throw new IncubateError('DATA_EMPTY', `${place} holds no images`, { hint: LAYOUT });
  const classes = classesOf(indexed.train.map(({ label }) => label));
  checkClasses(place, classes);
  const set = (samples: readonly Sample[]) => sampleSet(place, samples, classes);
  const held = indexed.validation.length === 0 ? null : set(indexed.validation);
  const contents = createHash('sha256');
  for (const { shard, name, offset, size, label } of [...indexed.train, ...indexed.validation]) {
    contents.update(`${JSON.stringify([basename(shard), name, offset, size, label])}\n`);
  }
  const fingerprint = contents.digest('hex');
  return {
    format: 'tar',
    classes,
    ...splitSource(place, set(indexed.train), held, options),
    inMemory: null,
    notes,
    fingerprint: () => fingerprint,
  };
}

async function indexShards(shards: readonly string[]): Promise<readonly Sample[]> {
  const indexed: (readonly Sample[])[] = [];
  for (let first = 0; first < shards.length; first += CONCURRENCY) {
    indexed.push(...(await Promise.all(shards.slice(first, first + CONCURRENCY).map(indexShard))));
  }
  return indexed.flat();
}

/** The samples of a shard in the order of their images. */
async function indexShard(shard: string): Promise<readonly Sample[]> {
  return withReader(shard, async (reader, isCompressed) => {
    if (isCompressed) throw fileError(shard, 'it is compressed, so that its members cannot be read by their places');
    const labels = new Map<string, string>();
    const images = new Map<string, Omit<Sample, 'label'>>();
    for await (const { name, size, offset } of tarMembers(reader, shard)) {
      const { key, extension } = splitName(name);
      if (basename(key) === '') continue;
      const member = `the member ${JSON.stringify(name)}`;
      if (extension === 'cls') {
        if (labels.has(key)) throw fileError(shard, `${member} is there twice`);
        if (size > LONGEST_LABEL) throw fileError(shard, `${member} has ${size} bytes, which is no label`);
        const label = Buffer.from(await reader.take(size))
          .toString('utf8')
          .trim();
        if (label === '') throw fileError(shard, `${member} is empty, so that an image has no label`);
        labels.set(key, label);
      } else if (imageExtensions.has(`.${extension}`)) {
        if (images.has(key)) throw fileError(shard, `two images have the key ${JSON.stringify(key)}`);
        images.set(key, { shard, name, offset, size });
      }
    }
    for (const key of labels.keys()) {
      if (!images.has(key)) throw fileError(shard, `the key ${JSON.stringify(key)} has a label, but no image`);
    }
    return [...images].map(([key, image]) => {
      const label = labels.get(key);
      if (label === undefined) throw fileError(shard, `the key ${JSON.stringify(key)} has an image, but no .cls`);
      return { ...image, label };
    });
  });
}

/** A key goes up to the first dot of the file's name; the extension is what comes after it. */
function splitName(name: string): { readonly key: string; readonly extension: string } {
  const slash = name.lastIndexOf('/') + 1;
  const dot = name.indexOf('.', slash);
  if (dot < 0) return { key: name, extension: '' };
  return { key: name.slice(0, dot), extension: name.slice(dot + 1).toLowerCase() };
}

function sampleSet(place: string, samples: readonly Sample[], classes: readonly string[]): ImageSet {
  const labels = labelNumbers(
    place,
    samples.map(({ label }) => label),
    classes,
  );
  const at = (index: number) => {
    const sample = samples[index];
    if (!sample) throw new RangeError(`no image ${index} among ${samples.length}`);
    return sample;
  };
  return {
    length: samples.length,
    label: (index) => labels[index] as number,
    name: (index) => `${basename(at(index).shard)}/${at(index).name}`,
    async read(index) {
      const { shard, offset, size } = at(index);
      return { kind: 'encoded', bytes: await readSlice(shard, offset, size) };
    },
  };
}

const LAYOUT = 'Every image needs a member <key>.cls with its label beside <key>.jpg (or .png, .webp, …).';
