import { createHash } from 'node:crypto';
import { IncubateError } from '../util/errors.ts';
import { permutation, randomStream } from '../util/random.ts';

interface Labelled {
  readonly label: number;
}

/**
 * Divides images into training and validation: of every class the share `holdout` is held out, at least one image, and
 * at least one is left. Chosen by seed and file name, so that further files hardly change which ones are held out.
 *
 * @throws DATA_EMPTY where every class has a single image.
 */
export function holdOut<Item extends Labelled & { readonly path: string }>(
  images: readonly Item[],
  directory: string,
  { holdout, seed }: { readonly holdout: number; readonly seed: number },
): { readonly train: readonly Item[]; readonly validation: readonly Item[] } {
  const held = new Set<Item>();
  for (const members of indicesByClass(images)) {
    const ranked = members
      .map((index) => images[index] as Item)
      .map((image) => ({ image, rank: createHash('sha256').update(`${seed}/holdout/${image.path}`).digest('hex') }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    const count = Math.min(members.length - 1, Math.max(1, Math.round(members.length * holdout)));
    for (const { image } of ranked.slice(0, Math.max(0, count))) held.add(image);
  }
  if (held.size === 0) {
    throw new IncubateError(
      'DATA_EMPTY',
      `${directory}: no images can be held out for validation, as every class has a single image`,
      { hint: 'Add images, or provide a val/ folder.' },
    );
  }
  return {
    train: images.filter((image) => !held.has(image)),
    validation: images.filter((image) => held.has(image)),
  };
}

/** How much of a split is used; at most one of the two is given. */
export interface SubsetSize {
  /** Images, or a share of them such as '25%'; null: all. */
  readonly limit: number | string | null;
  /** Images of every class; null: as `limit` says. */
  readonly shots: number | null;
}

/**
 * The items that a subset consists of, in their original order: as many of every class as far as there are enough, chosen
 * by the seed. Of the same seed, a smaller subset is contained in every larger one.
 *
 * @throws DATA_TOO_FEW naming a class that has fewer items than `shots`.
 */
export function chooseSubset<Item extends Labelled>(
  items: readonly Item[],
  { limit, shots }: SubsetSize,
  key: { readonly seed: number; readonly split: string; readonly classes: readonly string[] },
): readonly Item[] {
  if (shots === null) return limitPerClass(items, imagesOf(limit, items.length), key.seed, key.split);
  const counts = key.classes.map(() => 0);
  for (const { label } of items) counts[label] = (counts[label] ?? 0) + 1;
  const short = counts.findIndex((count) => count < shots);
  if (short >= 0) {
    throw new IncubateError(
      'DATA_TOO_FEW',
      `the class '${key.classes[short]}' has ${counts[short]} ${key.split} images, but data.shots asks for ${shots} of every class`,
      { hint: `Add images, or set data.shots to at most ${counts.reduce((least, count) => Math.min(least, count))}.` },
    );
  }
  return limitPerClass(items, shots * counts.length, key.seed, key.split);
}

/** Images that a limit stands for, at least one; null: all. */
export function imagesOf(limit: number | string | null, available: number): number | null {
  if (typeof limit !== 'string') return limit;
  return Math.max(1, Math.round((Number.parseFloat(limit) / 100) * available));
}

/**
 * At most `limit` items, as many of every class as far as there are enough, chosen by the seed; in their original order.
 */
export function limitPerClass<Item extends Labelled>(
  items: readonly Item[],
  limit: number | null,
  seed: number,
  split: string,
): readonly Item[] {
  if (limit === null || limit >= items.length) return items;
  const byClass = indicesByClass(items).map((members, label) => {
    const order = permutation(members.length, randomStream(seed, `limit/${split}`, label));
    return Array.from(order, (place) => members[place] as number);
  });
  const chosen: number[] = [];
  for (let round = 0; chosen.length < limit; round++) {
    for (const members of byClass) {
      const index = members[round];
      if (index !== undefined && chosen.length < limit) chosen.push(index);
    }
  }
  return chosen.sort((a, b) => a - b).map((index) => items[index] as Item);
}

/** Places of the items of every class, by label. */
function indicesByClass(items: readonly Labelled[]): number[][] {
  const byClass: number[][] = [];
  for (const [index, { label }] of items.entries()) {
    while (byClass.length <= label) byClass.push([]);
    byClass[label]?.push(index);
  }
  return byClass;
}
