import type { RunConfig } from '../config/schema.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { type LoaderClient, openLoaderClient } from './client.ts';
import type { SplitName } from './messages.ts';

export interface SharedDataset {
  readonly dataset: Dataset;
  /** Leaves the loader. */
  close(): void;
}

/**
 * The same data set, whose images or batches come from the run's loader as far as that has them.
 *
 * @param address where the loader listens
 * @param onWarning hears once that the loader is missed
 */
export function shareDataset(
  { identity, train, validation }: Dataset,
  { model, data }: RunConfig,
  address: string,
  onWarning: (message: string) => void,
): SharedDataset {
  const imageBytes = model.imageSize ** 2 * model.channels;
  const client = openLoaderClient({ address, fingerprint: identity.fingerprint, imageBytes, onWarning });
  const shared = (split: Split, name: SplitName) =>
    data.sharing === 'batches' ? withBatches(split, client) : withImages(split, name, client);
  return {
    dataset: { identity, train: shared(train, 'train'), validation: shared(validation, 'validation') },
    close: () => client.close(),
  };
}

function withImages(split: Split, name: SplitName, client: LoaderClient): Split {
  return {
    length: split.length,
    label: (index) => split.label(index),
    image(index) {
      const known = client.known(name, index);
      if (known === undefined) return client.image(name, index).then((image) => image ?? split.image(index));
      return known ?? split.image(index);
    },
  };
}

function withBatches(split: Split, client: LoaderClient): Split {
  return {
    length: split.length,
    label: (index) => split.label(index),
    image: (index) => split.image(index),
    batch: async (key, assemble) => (await client.batch(key)) ?? assemble(key.index),
  };
}
