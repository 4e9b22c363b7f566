import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { checkClasses, classesOf, labelNumbers } from './classes.ts';
import { readError } from './file-error.ts';
import { fileSet } from './folder.ts';
import { type ManifestRow, parseCsvManifest, parseJsonLines } from './manifest-rows.ts';
import { type ImageSource, type SourceOptions, splitSource } from './source.ts';
import { trainNames, validationNames } from './split-names.ts';

/** Endings of manifests. */
export const manifestName = /\.(?:csv|jsonl|ndjson)$/i;
/** Largest manifest, bytes: about five million images. */
const LARGEST = 1 << 28;
/** Files looked for at a time. */
const CONCURRENCY = 64;

/**
 * A table of images: CSV with the columns `path`, `label` and perhaps `split`, or JSON lines with these keys. Paths are
 * relative to the manifest's folder.
 *
 * @param place the manifest, or a folder that holds a single one
 * @throws DATA_MANIFEST naming the line, the reason and the way out; DATA_CLASSES, DATA_EMPTY
 */
export async function openManifest(place: string, options: SourceOptions): Promise<ImageSource> {
  const path = await manifestAt(place);
  const rows = await readRows(path);
  const { train, validation, notes } = divideRows(path, rows);
  if (train.length === 0) {
    throw new IncubateError('DATA_EMPTY', `${path} lists no training images`, {
      hint: "Add rows, whose 'split' is train or not said.",
    });
  }
  const classes = classesOf(train.map(({ label }) => label));
  checkClasses(path, classes);
  const directory = dirname(path);
  const contents = createHash('sha256');
  const set = async (chosen: readonly ManifestRow[]) => {
    const labels = labelNumbers(
      path,
      chosen.map(({ label }) => label),
      classes,
    );
    const sizes = await sizesOf(path, directory, chosen);
    return fileSet(
      directory,
      chosen.map((row, index) => {
        const bytes = sizes[index] as number;
        contents.update(`${JSON.stringify([row.path, row.label, row.split, bytes])}\n`);
        return { path: row.path, label: labels[index] as number, bytes };
      }),
    );
  };
  const trainSet = await set(train);
  const validationSet = validation.length === 0 ? null : await set(validation);
  const fingerprint = contents.digest('hex');
  return {
    format: 'manifest',
    classes,
    ...splitSource(path, trainSet, validationSet, options),
    inMemory: null,
    notes,
    fingerprint: () => fingerprint,
  };
}

async function manifestAt(place: string): Promise<string> {
  const status = await stat(place).catch((error: unknown) => {
    throw readError(place, error);
  });
  if (!status.isDirectory()) return place;
  const names = (await readdir(place)).filter((name) => manifestName.test(name)).sort();
  if (names.length === 1) return join(place, names[0] as string);
  const found = names.length === 0 ? 'no manifest' : `several manifests: ${names.join(', ')}`;
  throw new IncubateError('DATA_FORMAT', `${place} holds ${found}`, {
    hint: 'Name the file itself; manifests end in .csv, .jsonl or .ndjson.',
  });
}

async function readRows(path: string): Promise<ManifestRow[]> {
  const { size } = await stat(path);
  if (size > LARGEST) throw manifestError(path, `it has ${size} bytes, more than ${LARGEST}`);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /\.csv$/i.test(path) ? parseCsvManifest(text) : parseJsonLines(text);
  } catch (error) {
    throw manifestError(
      path,
      hasErrno(error, 'ERR_ENCODING_INVALID_ENCODED_DATA') ? 'it is not UTF-8' : messageOf(error),
    );
  }
}

/** Rows by their split; those that say none are for training. */
function divideRows(path: string, rows: readonly ManifestRow[]) {
  const known: readonly string[] = ['', ...trainNames, ...validationNames];
  const unknown = rows.find(({ split }) => !known.includes(split));
  if (unknown)
    throw manifestError(
      path,
      `line ${unknown.line}: the split '${unknown.split}' is none of ${known.join(' ').trim()}`,
    );
  const seen = new Map<string, number>();
  for (const row of rows) {
    const before = seen.get(row.path);
    if (before !== undefined) {
      throw manifestError(path, `line ${row.line}: ${JSON.stringify(row.path)} is listed in line ${before} already`);
    }
    seen.set(row.path, row.line);
  }
  const chosen = validationNames.find((name) => rows.some(({ split }) => split === name));
  const validation = rows.filter(({ split }) => split === chosen);
  const train = rows.filter(({ split }) => split === '' || (trainNames as readonly string[]).includes(split));
  const passed = rows.length - train.length - validation.length;
  return { train, validation, notes: passed === 0 ? [] : [`${passed} images of a further split are passed over.`] };
}

/** Sizes of the files that rows name. Throws DATA_MANIFEST naming the line of one that is not there. */
async function sizesOf(path: string, directory: string, rows: readonly ManifestRow[]): Promise<number[]> {
  const sizes: number[] = [];
  for (let first = 0; first < rows.length; first += CONCURRENCY) {
    const found = rows.slice(first, first + CONCURRENCY).map(async (row) => {
      const fail = (reason: string) => manifestError(path, `line ${row.line}: ${JSON.stringify(row.path)} ${reason}`);
      const status = await stat(resolve(directory, row.path)).catch((error: unknown) => {
        throw fail(hasErrno(error, 'ENOENT', 'ENOTDIR') ? 'does not exist' : `cannot be used: ${messageOf(error)}`);
      });
      if (!status.isFile()) throw fail('is no file');
      return status.size;
    });
    sizes.push(...(await Promise.all(found)));
  }
  return sizes;
}

function manifestError(path: string, reason: string): IncubateError {
  return new IncubateError('DATA_MANIFEST', `the manifest ${path} cannot be used: ${reason}`, {
    hint: 'Every image needs a row with its path, relative to the manifest, and its label; see docs/data.md.',
  });
}
