import type { RunConfig } from '../config/schema.ts';
import { messageOf } from '../util/errors.ts';
import { decodeStored } from './decode.ts';
import { type ImageSize, readImageSize } from './image-size.ts';
import { type FoundImages, findImages } from './images.ts';
import type { ImageSet } from './sources/image-set.ts';

/** What a data set is and looks like. */
export interface Inspection {
  readonly source: string;
  readonly format: string;
  readonly images: { readonly train: number; readonly validation: number };
  readonly classes: readonly { readonly name: string; readonly train: number; readonly validation: number }[];
  /** Of the images that were looked at. */
  readonly sample: {
    readonly images: number;
    readonly smallest: ImageSize | null;
    readonly largest: ImageSize | null;
    /** Sizes by how often they occur, the most frequent ones. */
    readonly sizes: readonly (ImageSize & { readonly images: number })[];
  };
  readonly fingerprint: string;
  readonly problems: readonly string[];
}

/** Images of each split that are decoded. */
const SAMPLE = 500;
/** Sizes that are listed. */
const LISTED = 5;
/** Times as many images of one class as of another that are worth a word. */
const IMBALANCE = 10;

/**
 * Looks at the configured data set: classes, counts, and images of a sample, spread evenly over each split.
 *
 * @throws DATA_* where it cannot be used at all; what is wrong with single images is listed
 */
export async function inspectDataset(config: RunConfig): Promise<Inspection> {
  const found = await findImages(config, { reading: true, memory: { bytes: config.data.cacheMiB * 2 ** 20 } });
  const { identity, train, validation } = found;
  const counts = { train: countLabels(found, train), validation: countLabels(found, validation) };
  const looked = [...(await sampleOf(train)), ...(await sampleOf(validation))];
  const sizes = looked.flatMap(({ size }) => size ?? []);
  const byArea = [...sizes].sort((a, b) => a.width * a.height - b.width * b.height);
  return {
    source: identity.source,
    format: found.format,
    images: { train: train.length, validation: validation.length },
    classes: identity.classes.map((name, label) => ({
      name,
      train: counts.train[label] as number,
      validation: counts.validation[label] as number,
    })),
    sample: {
      images: looked.length,
      smallest: byArea[0] ?? null,
      largest: byArea.at(-1) ?? null,
      sizes: frequentSizes(sizes),
    },
    fingerprint: identity.fingerprint,
    problems: [...found.notes, ...looked.flatMap(({ problem }) => problem ?? []), ...classProblems(found, counts)],
  };
}

function countLabels({ identity }: FoundImages, set: ImageSet): number[] {
  const counts = identity.classes.map(() => 0);
  for (let index = 0; index < set.length; index++) {
    const label = set.label(index);
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

interface Look {
  readonly size?: ImageSize;
  readonly problem?: string;
}

async function sampleOf(set: ImageSet): Promise<Look[]> {
  const count = Math.min(SAMPLE, set.length);
  const indices = Array.from({ length: count }, (_, place) => Math.floor((place * set.length) / count));
  return Promise.all(indices.map((index) => lookAt(set, index)));
}

/** The size of an image as it is shown, and whether it decodes to its end. */
async function lookAt(set: ImageSet, index: number): Promise<Look> {
  try {
    const image = await set.read(index);
    const name = image.kind === 'file' ? image.path : set.name(index);
    await decodeStored(image, name, { size: 8, channels: 3, resize: 'stretch' });
    return { size: await readImageSize(image) };
  } catch (error) {
    return { problem: `${messageOf(error)}.` };
  }
}

function frequentSizes(sizes: readonly ImageSize[]): (ImageSize & { images: number })[] {
  const counts = new Map<string, ImageSize & { images: number }>();
  for (const { width, height } of sizes) {
    const known = counts.get(`${width}×${height}`);
    counts.set(`${width}×${height}`, { width, height, images: (known?.images ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.images - a.images).slice(0, LISTED);
}

function classProblems(
  { identity }: FoundImages,
  counts: { readonly train: readonly number[]; readonly validation: readonly number[] },
): string[] {
  const { classes } = identity;
  const named = (label: number) => `'${classes[label]}'`;
  const lacking = classes.flatMap((_, label) => (counts.validation[label] === 0 ? [named(label)] : []));
  const least = counts.train.indexOf(counts.train.reduce((a, b) => Math.min(a, b)));
  const most = counts.train.indexOf(counts.train.reduce((a, b) => Math.max(a, b)));
  const [few = 0, many = 0] = [counts.train[least], counts.train[most]];
  return [
    ...(lacking.length === 0
      ? []
      : [`Without validation images: ${lacking.slice(0, 5).join(', ')}${lacking.length > 5 ? ', …' : ''}.`]),
    ...(many > IMBALANCE * few
      ? [`Classes differ in size: ${named(most)} has ${many} training images, ${named(least)} has ${few}.`]
      : []),
  ];
}
