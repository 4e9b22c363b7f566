import { createHash } from 'node:crypto';
import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { holdOut } from '../subset.ts';
import { imageExtensions } from './extensions.ts';
import type { ImageSet } from './image-set.ts';
import type { ImageSource, SourceOptions } from './source.ts';
import { trainNames, validationNames } from './split-names.ts';

/** An image file of a folder, not yet decoded. */
export interface ImageFile {
  /** Relative to the data set's folder, with forward slashes. */
  readonly path: string;
  readonly label: number;
  readonly bytes: number;
}

export interface ScannedFolder {
  readonly classes: readonly string[];
  readonly train: readonly ImageFile[];
  readonly validation: readonly ImageFile[];
  /** Files in class folders that are no images, by their names. */
  readonly ignored: number;
}

/** The images of the class folders of one folder. */
interface ScannedClasses {
  readonly classes: readonly string[];
  readonly images: readonly ImageFile[];
  readonly ignored: number;
}

export interface ScanOptions {
  /** Share held out for validation where the folder has no split folders. */
  readonly holdout: number;
  readonly seed: number;
}

const LAYOUT = 'Expected train/<class>/* with val/<class>/* (or test/), or <class>/*.';

/** An image folder as a data set. Throws what {@link scanImageFolder} throws. */
export async function openFolder(directory: string, options: SourceOptions): Promise<ImageSource> {
  const { classes, train, validation, ignored } = await scanImageFolder(directory, options);
  const pick = (files: readonly ImageFile[], indices: readonly number[]) =>
    indices.map((index) => fileAt(files, index));
  return {
    format: 'folder',
    classes,
    train: fileSet(directory, train),
    validation: fileSet(directory, validation),
    inMemory: null,
    notes: ignored === 0 ? [] : [`${ignored} files and folders within class folders are no images by their names.`],
    fingerprint: (used, held) => fingerprint([...pick(train, used), ...pick(validation, held)]),
  };
}

/** Image files below a folder as a set. */
export function fileSet(directory: string, files: readonly ImageFile[]): ImageSet {
  return {
    length: files.length,
    label: (index) => fileAt(files, index).label,
    name: (index) => fileAt(files, index).path,
    read: (index) => ({ kind: 'file', path: resolve(directory, fileAt(files, index).path) }),
  };
}

function fileAt(files: readonly ImageFile[], index: number): ImageFile {
  const file = files[index];
  if (!file) throw new RangeError(`no image ${index} among ${files.length}`);
  return file;
}

/**
 * Finds the images of a folder without reading them: `train/<class>/*` and `val|validation|valid|test/<class>/*`, or
 * `<class>/*`, of which a share of every class is held out.
 *
 * @throws DATA_FOLDER, DATA_EMPTY, DATA_CLASSES naming the folder, the reason and the way out.
 */
export async function scanImageFolder(directory: string, options: ScanOptions): Promise<ScannedFolder> {
  const names = await directoriesIn(directory);
  const trainName = trainNames.find((name) => names.includes(name));
  const validationName = validationNames.find((name) => names.includes(name));
  if (trainName === undefined && names.length === 0) {
    throw new IncubateError('DATA_EMPTY', `${directory} holds no class folders`, { hint: LAYOUT });
  }
  const train = await scanClasses(directory, trainName === undefined ? '' : `${trainName}/`);
  if (trainName === undefined || validationName === undefined) {
    const { classes, images, ignored } = train;
    return { classes, ...holdOut(images, directory, options), ignored };
  }
  const validation = await scanClasses(directory, `${validationName}/`);
  assertSameClasses(directory, train.classes, validation.classes, [trainName, validationName]);
  return {
    classes: train.classes,
    train: train.images,
    validation: validation.images,
    ignored: train.ignored + validation.ignored,
  };
}

/** SHA-256 over the sorted paths and sizes of a data set's files. */
export function fingerprint(images: readonly ImageFile[]): string {
  const hash = createHash('sha256');
  const lines = images.map(({ path, bytes }) => JSON.stringify([path, bytes])).sort();
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
}

async function scanClasses(root: string, prefix: string): Promise<ScannedClasses> {
  const directory = join(root, prefix);
  const classes = await directoriesIn(directory);
  if (classes.length < 2) {
    const found = classes.length === 0 ? 'no class folders' : `only the class folder '${classes[0]}'`;
    throw new IncubateError('DATA_CLASSES', `${directory} holds ${found}, but at least two classes are needed`, {
      hint: LAYOUT,
    });
  }
  const found: ImageFile[][] = [];
  let ignored = 0;
  for (const [label, name] of classes.entries()) {
    const folder = await imagesIn(root, `${prefix}${name}`, label);
    if (folder.images.length === 0) {
      const others =
        folder.ignored === 0 ? '' : `, only ${folder.ignored} other file${folder.ignored === 1 ? '' : 's'}`;
      throw new IncubateError('DATA_EMPTY', `the class folder ${join(directory, name)} holds no images${others}`, {
        hint: `Add images (${[...imageExtensions].join(' ')}) or remove the folder.`,
      });
    }
    found.push(folder.images);
    ignored += folder.ignored;
  }
  return { classes, images: found.flat(), ignored };
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries = await list(directory);
  const names = await Promise.all(
    entries.map(async (entry) => {
      if (entry.name.startsWith('.')) return [];
      if (entry.isDirectory()) return [entry.name];
      return entry.isSymbolicLink() && (await target(join(directory, entry.name)))?.isDirectory() ? [entry.name] : [];
    }),
  );
  return names.flat().sort();
}

async function imagesIn(
  root: string,
  folder: string,
  label: number,
): Promise<{ images: ImageFile[]; ignored: number }> {
  const entries = (await list(join(root, folder))).filter(({ name }) => !name.startsWith('.'));
  const files = entries.filter(({ name }) => imageExtensions.has(extname(name).toLowerCase()));
  const found = await Promise.all(
    files.map(async ({ name }) => {
      const status = await target(join(root, folder, name));
      return status?.isFile() ? [{ path: `${folder}/${name}`, label, bytes: status.size }] : [];
    }),
  );
  const images = found.flat().sort((a, b) => (a.path < b.path ? -1 : 1));
  return { images, ignored: entries.length - images.length };
}

/** Status of what a path leads to; null for a broken link or a loop of links. */
async function target(path: string): Promise<Stats | null> {
  return stat(path).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT', 'ELOOP', 'EACCES')) return null;
    throw error;
  });
}

async function list(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    const reason = hasErrno(error, 'ENOENT')
      ? 'it does not exist'
      : hasErrno(error, 'ENOTDIR')
        ? 'it is a file'
        : messageOf(error);
    throw new IncubateError('DATA_FOLDER', `the data folder ${directory} cannot be read: ${reason}`, {
      hint: "Give a data set with --data, or 'shapes' for the generated one.",
      cause: error,
    });
  });
}

function assertSameClasses(
  directory: string,
  train: readonly string[],
  validation: readonly string[],
  names: readonly [string, string],
): void {
  const unknown = validation.filter((name) => !train.includes(name));
  const missing = train.filter((name) => !validation.includes(name));
  if (unknown.length === 0 && missing.length === 0) return;
  const [differing, [has, lacks]] = unknown.length > 0 ? [unknown, [names[1], names[0]]] : [missing, names];
  throw new IncubateError(
    'DATA_CLASSES',
    `${directory}: ${has}/ has the class '${differing[0]}', but ${lacks}/ has not`,
    {
      hint: 'Both splits need the same class folders.',
    },
  );
}
