import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { IncubateError } from '../../util/errors.ts';
import { type ByteReader, withReader } from './byte-reader.ts';
import { cifarVariants } from './cifar-batch.ts';
import { fileError, readError } from './file-error.ts';
import { tarMembers } from './tar-members.ts';

/** What the archives are called, and the folders in them. */
const archives = /^cifar-100?-(?:binary|python)\.tar\.gz$/;
const folders = ['cifar-10-batches-bin', 'cifar-10-batches-py', 'cifar-100-binary', 'cifar-100-python'];
/** Largest file, bytes; the largest that is published has 155 MB. */
const LARGEST = 1 << 28;

/** What of CIFAR lies in a folder: the names of an archive or an unpacked one, or '.' for its files themselves. */
export function cifarPlaces(names: {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}): string[] {
  const unpacked = names.folders.filter((name) => folders.includes(name));
  const packed = names.files.filter((name) => archives.test(name));
  const isHere = cifarVariants.some(({ trainFile, testFile, namesFile }) => {
    // 'train' alone would be too common a name.
    return (
      names.files.some((name) => trainFile.test(name)) &&
      [testFile, namesFile].some((name) => names.files.includes(name))
    );
  });
  if (isHere) return ['.'];
  return unpacked.length > 0 ? unpacked : packed;
}

/**
 * CIFAR's files by their names: those of a folder, of what lies in it, or of an archive.
 *
 * @throws DATA_FILE where one cannot be read, DATA_FORMAT where there is more than one data set.
 */
export async function readCifarFiles(place: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const status = await stat(place).catch((error: unknown) => {
    throw readError(place, error);
  });
  if (status.isFile()) return readArchive(place);
  const entries = await readdir(place, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const found = cifarPlaces({ files, folders: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name) });
  if (found.length > 1) {
    throw new IncubateError('DATA_FORMAT', `${place} holds several data sets: ${found.join(', ')}`, {
      hint: `Name the one that is meant, such as ${join(place, found[0] as string)}.`,
    });
  }
  const [only] = found;
  if (only !== undefined && only !== '.') return readCifarFiles(join(place, only));
  const contents = new Map<string, Uint8Array>();
  for (const name of files.filter(isCifarFile).sort()) {
    const path = join(place, name);
    contents.set(name, await withReader(path, (reader) => readLimited(reader, path)));
  }
  return contents;
}

async function readArchive(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  return withReader(path, async (reader) => {
    const contents = new Map<string, Uint8Array>();
    for await (const { name, size } of tarMembers(reader, path)) {
      const file = basename(name);
      if (!isCifarFile(file)) continue;
      if (contents.has(file)) throw fileError(path, `${file} is there twice`);
      if (size > LARGEST) throw fileError(path, `${file} has ${size} bytes, which no file of CIFAR has`);
      const bytes = await reader.take(size);
      if (bytes.length < size) throw fileError(path, 'the tar archive is cut short');
      contents.set(file, bytes);
    }
    return contents;
  });
}

async function readLimited(reader: ByteReader, path: string): Promise<Uint8Array> {
  const bytes = await reader.take(LARGEST + 1);
  if (bytes.length > LARGEST) throw fileError(path, `it has more than ${LARGEST} bytes, which no file of CIFAR has`);
  return bytes;
}

/** Whether a file's name is one of CIFAR's. */
function isCifarFile(name: string): boolean {
  return cifarVariants.some(
    ({ trainFile, testFile, namesFile }) => trainFile.test(name) || name === testFile || name === namesFile,
  );
}
