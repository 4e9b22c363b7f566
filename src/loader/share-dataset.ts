import type { RunConfig } from '../config/schema.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import type { ImageSet } from '../data/sources/image-set.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { type Labels, openLoaderClient } from './client.ts';
import type { SplitName } from './messages.ts';

export interface ShareOptions {
  /** Where the loader listens. */
  readonly address: string;
  readonly config: RunConfig;
  /** What the data set must be. */
  readonly identity: DatasetIdentity;
  /** Opens the data set without the loader; called once it is missed, and not again. */
  readonly open: () => Promise<Dataset>;
  /** Hears once that the loader is missed. */
  readonly onWarning: (message: string) => void;
}

export interface SharedDataset {
  readonly dataset: Dataset;
  /** Leaves the loader. */
  close(): void;
}

/**
 * The data set of a run as its loader has it: images or batches come from there, as far as it has them, and with it no files
 * need be looked for. What it does not have is read as if there were no loader.
 *
 * Rejects with what `open` throws.
 */
export async function shareDataset({
  address,
  config,
  identity,
  open,
  onWarning,
}: ShareOptions): Promise<SharedDataset> {
  const { model, data } = config;
  const imageBytes = model.imageSize ** 2 * model.channels;
  const client = openLoaderClient({ address, dataset: identity, imageBytes, onWarning });
  let own: Promise<Dataset> | undefined;
  let opened: Dataset | undefined;
  const ownSplit = async (name: SplitName): Promise<Split> => {
    own ??= open();
    opened ??= await own;
    return opened[name];
  };
  const labels = (await client.labels()) ?? (await labelsOf(ownSplit));

  const split = (name: SplitName): Split => ({
    length: identity[name],
    // What is cut out of images before they are scaled is each consumer's own business.
    stored: {
      length: identity[name],
      label: (index) => labels[name][index] as number,
      name: (index) => opened?.[name].stored?.name(index) ?? `${name} image ${index}`,
      read: async (index) => storedOf(await ownSplit(name)).read(index),
    },
    label: (index) => labels[name][index] as number,
    image(index) {
      const known = data.sharing === 'images' ? client.known(name, index) : null;
      return known ?? imageOf(name, index, known);
    },
    ...(data.sharing === 'batches' && {
      batch: async (key, assemble) => (await client.batch(key)) ?? assemble(key.index),
    }),
  });
  const imageOf = async (name: SplitName, index: number, known: null | undefined): Promise<Uint8Array> => {
    const image = known === null ? null : await client.image(name, index);
    return image ?? (await ownSplit(name)).image(index);
  };
  return { dataset: { identity, train: split('train'), validation: split('validation') }, close: () => client.close() };
}

function storedOf({ stored }: Split): ImageSet {
  if (!stored) throw new RangeError('a data set that was opened has its images as they are stored');
  return stored;
}

async function labelsOf(splitOf: (name: SplitName) => Promise<Split>): Promise<Labels> {
  const of = async (name: SplitName) => {
    const split = await splitOf(name);
    return Int32Array.from({ length: split.length }, (_, index) => split.label(index));
  };
  return { train: await of('train'), validation: await of('validation') };
}
