import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { IncubateError } from '../../util/errors.ts';
import { readError } from './file-error.ts';
import { expandPattern, isPattern } from './shard-pattern.ts';
import { trainNames, validationNames } from './split-names.ts';

/**
 * The shards that a place stands for: a file, a pattern, or a folder.
 *
 * @throws DATA_EMPTY, DATA_FILE, DATA_FORMAT where there are none, or the pattern is wrong
 */
export async function shardsAt(place: string): Promise<string[]> {
  const status = await stat(place).catch(() => null);
  if (status?.isFile()) return [place];
  if (status === null && isPattern(place)) return expandPattern(place);
  const shards = await shardsIn(place).catch((error: unknown) => {
    throw readError(place, error);
  });
  if (shards.length > 0) return shards;
  throw new IncubateError('DATA_EMPTY', `${place} holds no tar shards`, {
    hint: 'Shards end in .tar, in the folder itself or in train/ and val/.',
  });
}

/** The shards that a folder holds, itself or in folders that are named as splits. */
export async function shardsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const splits = entries.filter(({ name }) => ([...trainNames, ...validationNames] as string[]).includes(name));
  const nested = await Promise.all(
    splits.map(async ({ name }) => {
      const names = await readdir(join(directory, name)).catch(() => []);
      return names.map((file) => join(name, file));
    }),
  );
  return [...entries.map(({ name }) => name), ...nested.flat()]
    .filter((name) => name.endsWith('.tar') && !basename(name).startsWith('.'))
    .sort()
    .map((name) => join(directory, name));
}

/**
 * Divides shards by their names, or else by those of their folders; none are for validation where none say that they are for
 * training.
 *
 * @throws DATA_FORMAT naming a shard that does not say what it is for
 */
export function divideShards(place: string, shards: readonly string[]) {
  const named = (names: readonly string[], shard: string) => {
    const said = (text: string) => text.toLowerCase().split(/[^a-z]+/);
    const own = said(basename(shard, '.tar'));
    const all: readonly string[] = [...trainNames, ...validationNames];
    const words = own.some((word) => all.includes(word)) ? own : said(basename(dirname(shard)));
    return words.some((word) => names.includes(word));
  };
  const train = shards.filter((shard) => named(trainNames, shard));
  if (train.length === 0) return { train: shards, validation: [], notes: [] };
  const rest = shards.filter((shard) => !train.includes(shard));
  const chosen = validationNames.find((name) => rest.some((shard) => named([name], shard)));
  const validation = chosen === undefined ? [] : rest.filter((shard) => named([chosen], shard));
  const unknown = rest.find((shard) => !named(validationNames, shard));
  if (unknown !== undefined) {
    throw new IncubateError(
      'DATA_FORMAT',
      `${place}: some shards are for training by their names, but ${basename(unknown)} does not say what it is for`,
      { hint: `Name it or its folder after its split: ${[...trainNames, ...validationNames].join(', ')}.` },
    );
  }
  const passed = rest.length - validation.length;
  return { train, validation, notes: passed === 0 ? [] : [`${passed} shards of a further split are passed over.`] };
}
