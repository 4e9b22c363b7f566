import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { ImageFormat } from '../../config/data-formats.ts';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { openCifar } from './cifar.ts';
import { cifarPlaces } from './cifar-files.ts';
import { imageExtensions } from './extensions.ts';
import { openFolder } from './folder.ts';
import { idxPrefixes, openIdx } from './idx.ts';
import { manifestName, openManifest } from './manifest.ts';
import { openPacked } from './packed.ts';
import { PACKED_FILE } from './packed-format.ts';
import { isPattern } from './shard-pattern.ts';
import { shardsIn } from './shard-places.ts';
import { openShards } from './shards.ts';
import type { ImageSource, SourceOptions } from './source.ts';
import { trainNames, validationNames } from './split-names.ts';

type Opener = (place: string, options: SourceOptions) => Promise<ImageSource>;

const openers: Readonly<Record<ImageFormat, Opener>> = {
  folder: openFolder,
  cifar: openCifar,
  idx: openIdx,
  tar: openShards,
  manifest: openManifest,
  packed: openPacked,
};

const WHAT =
  'an image folder (train/<class>/*, <class>/*), CIFAR (.tar.gz or unpacked), IDX files, tar shards, a manifest (.csv, .jsonl) or a packed set';

/**
 * Opens the data set at a place: of the given format, or of the one that the place looks like.
 *
 * @throws DATA_FORMAT where it looks like nothing that is known, or like several formats; and what the format throws.
 */
export async function openSource(
  place: string,
  format: ImageFormat | 'auto',
  options: SourceOptions,
): Promise<ImageSource> {
  return openers[format === 'auto' ? await recognise(place) : format](place, options);
}

async function recognise(place: string): Promise<ImageFormat> {
  const status = await stat(place).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return null;
    throw unreadable(place, error);
  });
  if (status?.isFile()) return recogniseFile(place);
  if (status === null && isPattern(place)) return 'tar';
  if (status === null) throw unreadable(place, 'it does not exist');
  return recogniseFolder(place);
}

function recogniseFile(path: string): ImageFormat {
  const name = basename(path);
  if (/\.(?:tar\.gz|tgz)$/i.test(name)) return 'cifar';
  if (/\.tar$/i.test(name)) return 'tar';
  if (manifestName.test(name)) return 'manifest';
  if (/idx[13]-ubyte(?:\.gz)?$/.test(name)) return 'idx';
  throw new IncubateError('DATA_FORMAT', `${path} is none of the data sets that are looked for: ${WHAT}`, {
    hint: 'Name a folder or one of these files, or set data.format where its name says something else; text is never looked for, so that it takes data.format=text.',
  });
}

/** A folder that looks like nothing else is taken for an image folder, whose errors say what is missing. */
async function recogniseFolder(directory: string): Promise<ImageFormat> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(directory, error);
  });
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  if (files.includes(PACKED_FILE)) return 'packed';
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const found = (
    [
      ['cifar', cifarPlaces({ files, folders }).length > 0],
      ['idx', idxPrefixes(files).length > 0],
      ['tar', (await shardsIn(directory)).length > 0],
    ] as const
  ).flatMap(([format, isThere]) => (isThere ? [format] : []));
  const [first, second] = found;
  if (second !== undefined) {
    throw new IncubateError('DATA_FORMAT', `${directory} looks like several data sets: ${found.join(', ')}`, {
      hint: 'Say with data.format which one is meant, or name it itself.',
    });
  }
  // Images in class folders count more than a shard or an archive that lies beside them.
  if (first !== undefined && !(await hasClassFolders(directory, folders))) return first;
  if (folders.length > 0 || entries.some((entry) => entry.isSymbolicLink())) return 'folder';
  throw new IncubateError('DATA_EMPTY', `${directory} holds no class folders and nothing else that is looked for`, {
    hint: `Give ${WHAT}.`,
  });
}

async function hasClassFolders(directory: string, folders: readonly string[]): Promise<boolean> {
  for (const name of folders) {
    const entries = await readdir(join(directory, name), { withFileTypes: true }).catch((): Dirent[] => []);
    const isSplit = ([...trainNames, ...validationNames] as string[]).includes(name);
    const isClass = isSplit
      ? entries.some((entry) => entry.isDirectory())
      : entries.some((entry) => imageExtensions.has(extname(entry.name).toLowerCase()));
    if (isClass) return true;
  }
  return false;
}

function unreadable(place: string, reason: unknown): IncubateError {
  return new IncubateError(
    'DATA_FOLDER',
    `the data folder ${place} cannot be read: ${typeof reason === 'string' ? reason : messageOf(reason)}`,
    {
      hint: `Give with --data ${WHAT}, or 'shapes' for the generated one.`,
    },
  );
}
