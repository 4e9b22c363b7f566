import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { expandPattern, isPattern } from '../sources/shard-pattern.ts';
import { trainNames, validationNames } from '../sources/split-names.ts';
import { looksBinary } from './read-text.ts';

/** A file of text, or a part of one. */
export interface TextPart {
  readonly path: string;
  /** Relative to the source where that is a folder, with forward slashes. */
  readonly name: string;
  /** Bytes [from, to). */
  readonly from: number;
  readonly to: number;
}

export interface FoundText {
  readonly train: readonly TextPart[];
  /** null: a part of what is for training is held out. */
  readonly validation: readonly TextPart[] | null;
  /** What was noticed and passed over, as full sentences. */
  readonly notes: readonly string[];
}

/**
 * Finds the files of a source: a file, a folder with all that lies in it, or a pattern that stands for several. Files are in
 * the order of their names; one that is reached by several names counts once. Hidden files are passed over, and in folders
 * those that hold no text.
 *
 * @throws DATA_FOLDER where there is no such place, DATA_EMPTY where it holds no text
 */
export async function findText(source: string): Promise<FoundText> {
  const status = await stat(source).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT') && isPattern(source)) return null;
    throw unreadable(source, error);
  });
  if (status?.isDirectory()) {
    const names = await readdir(source);
    const train = trainNames.find((name) => names.includes(name));
    const validation = validationNames.find((name) => names.includes(name));
    if (train !== undefined && validation !== undefined) {
      const [forTraining, held] = [await partsAt([join(source, train)]), await partsAt([join(source, validation)])];
      return { train: forTraining.parts, validation: held.parts, notes: [...forTraining.notes, ...held.notes] };
    }
  }
  const { parts, notes } = await partsAt(status ? [source] : await expandPattern(source));
  return { train: parts, validation: null, notes };
}

interface Parts {
  readonly parts: readonly TextPart[];
  readonly notes: readonly string[];
}

async function partsAt(places: readonly string[]): Promise<Parts> {
  const found: Found = { files: [], seen: new Set() };
  for (const place of places) await visit(place, place, found);
  const ordered = found.files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const unique = ordered.filter(({ id }) => !found.seen.has(id) && found.seen.add(id));
  const isText = await Promise.all(unique.map(async ({ path, isNamed }) => isNamed || !(await looksBinary(path))));
  const parts = unique.filter((_, index) => isText[index]);
  if (parts.every(({ bytes }) => bytes === 0)) {
    throw new IncubateError('DATA_EMPTY', `${places.join(', ')} holds no text`, {
      hint: 'Give a file of text, or a folder of such files; hidden files and those with zero bytes are passed over.',
    });
  }
  const [others, again] = [unique.length - parts.length, ordered.length - unique.length];
  return {
    parts: parts.map(({ path, name, bytes }) => ({ path, name, from: 0, to: bytes })),
    notes: [
      ...(others === 0 ? [] : [`${others} files that hold no text are passed over.`]),
      ...(again === 0 ? [] : [`${again} further names of the same files are passed over.`]),
    ],
  };
}

interface Found {
  readonly files: { path: string; name: string; bytes: number; id: string; isNamed: boolean }[];
  /** Folders and files that have been taken. */
  readonly seen: Set<string>;
}

/** Adds what lies at a place; broken links and what is neither file nor folder are passed over. */
async function visit(path: string, root: string, found: Found): Promise<void> {
  const status = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (path !== root && hasErrno(error, 'ENOENT', 'ELOOP')) return null;
    throw unreadable(path, error);
  });
  const id = `${status?.dev}:${status?.ino}`;
  if (status?.isDirectory() && !found.seen.has(id)) {
    found.seen.add(id);
    const names = await readdir(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    for (const name of names) if (!name.startsWith('.')) await visit(join(path, name), root, found);
  } else if (status?.isFile()) {
    const isNamed = path === root;
    const name = isNamed ? basename(path) : relative(root, path).split(sep).join('/');
    found.files.push({ path, name, bytes: Number(status.size), id, isNamed });
  }
}

function unreadable(place: string, error: unknown): IncubateError {
  const reason = hasErrno(error, 'ENOENT') ? 'it does not exist' : messageOf(error);
  return new IncubateError('DATA_FOLDER', `the text ${place} cannot be read: ${reason}`, {
    hint: 'Give with --data a file of text, a folder of such files, or a pattern such as {a.txt,docs/*.md}.',
    cause: error,
  });
}
