import { constants } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { sha256OfFile } from '../../util/file-hash.ts';
import type { CacheBudget } from '../cache.ts';
import { readSlice } from './file-slices.ts';
import type { ImageSet } from './image-set.ts';
import {
  PACKED_FILE,
  PACKED_VERSION,
  type PackedDescription,
  type PackedSplit,
  packedSchema,
  packedText,
} from './packed-format.ts';
import { type ImageSource, type SourceOptions, takeMemory } from './source.ts';

type PackedFile = PackedSplit['pixels'];

/**
 * A set of decoded images as `incubate data prepare` writes it. Where images will be read all files are verified by their
 * SHA-256, and those that fit into the memory for it are kept there; otherwise sizes and labels are.
 *
 * @throws DATA_PACKED naming the file and what is wrong with it
 */
export async function openPacked(directory: string, options: SourceOptions): Promise<ImageSource> {
  const description = await readDescription(directory);
  const { size, channels, classes, splits } = description;
  const train = await openSplit(directory, 'train', description, options);
  const validation = await openSplit(directory, 'validation', description, options);
  const content = JSON.stringify([PACKED_VERSION, size, channels, classes, splits]);
  const fingerprint = createHash('sha256').update(content).digest('hex');
  return {
    format: 'packed',
    classes,
    train: train.set,
    validation: validation.set,
    inMemory: train.inMemory && validation.inMemory ? { height: size, width: size, channels } : null,
    notes: [],
    fingerprint: () => fingerprint,
  };
}

async function readDescription(directory: string): Promise<PackedDescription> {
  const path = join(directory, PACKED_FILE);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw packedError(path, hasErrno(error, 'ENOENT') ? 'it does not exist' : messageOf(error));
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw packedError(path, messageOf(error));
  }
  const version = typeof value === 'object' && value !== null && 'packed' in value ? value.packed : undefined;
  if (version !== PACKED_VERSION) {
    throw packedError(path, `its version is ${JSON.stringify(version)} instead of ${PACKED_VERSION}`);
  }
  const parsed = packedSchema.safeParse(value);
  if (!parsed.success) throw packedError(path, `it is damaged at ${parsed.error.issues[0]?.path.join('.')}`);
  const { sha256: _, ...description } = parsed.data;
  if (packedText(description) !== text) throw packedError(path, 'it does not match its SHA-256');
  return description;
}

async function openSplit(
  directory: string,
  name: 'train' | 'validation',
  { size, channels, classes, splits }: PackedDescription,
  { reading, memory }: SourceOptions,
): Promise<{ readonly set: ImageSet; readonly inMemory: boolean }> {
  const { images, pixels, labels } = splits[name];
  const imageBytes = size * size * channels;
  for (const [file, bytes] of [
    [pixels, images * imageBytes],
    [labels, images * 4],
  ] as const) {
    await checkSize(directory, file, bytes);
  }
  const numbers = await readLabels(directory, labels, classes.length);
  const path = join(directory, pixels.name);
  const kept = reading ? await verifyPixels(path, pixels, memory) : null;
  const shape = { height: size, width: size, channels };
  const set: ImageSet = {
    length: images,
    label: (index) => numbers[index] as number,
    name: (index) => `${pixels.name}/${index}`,
    read(index) {
      if (index < 0 || index >= images) throw new RangeError(`no image ${index} among ${images}`);
      const from = index * imageBytes;
      const image = (data: Uint8Array) => ({ kind: 'pixels', pixels: { data, ...shape } }) as const;
      return kept ? image(kept.subarray(from, from + imageBytes)) : readSlice(path, from, imageBytes).then(image);
    },
  };
  return { set, inMemory: kept !== null };
}

async function checkSize(directory: string, { name, bytes }: PackedFile, expected: number): Promise<void> {
  const path = join(directory, name);
  if (!/^[a-z]+\.[a-z]+$/.test(name)) throw packedError(path, 'it has a name that no file of a packed set has');
  if (bytes !== expected) throw packedError(path, `${PACKED_FILE} says ${bytes} bytes, but its images are ${expected}`);
  const { size } = await stat(path).catch((error: unknown) => {
    throw packedError(path, messageOf(error));
  });
  if (size !== bytes) throw packedError(path, `it has ${size} bytes instead of ${bytes}`);
}

async function readLabels(directory: string, file: PackedFile, classes: number): Promise<Int32Array> {
  const path = join(directory, file.name);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw packedError(path, messageOf(error));
  });
  if (createHash('sha256').update(bytes).digest('hex') !== file.sha256) {
    throw packedError(path, 'it does not match its SHA-256');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const labels = Int32Array.from({ length: bytes.length / 4 }, (_, index) => view.getInt32(4 * index, true));
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined) throw packedError(path, `it has the label ${wrong}, but there are ${classes} classes`);
  return labels;
}

/** The content where it fits into memory, or null; either way it has been verified. */
async function verifyPixels(path: string, file: PackedFile, memory: CacheBudget): Promise<Uint8Array | null> {
  const fits = file.bytes <= Math.min(memory.bytes, constants.MAX_LENGTH);
  const read = fits ? readHashed(path, file.bytes) : { kept: null, sha256: await sha256OfFile(path) };
  const { kept, sha256 } = await Promise.resolve(read).catch((error: unknown) => {
    throw packedError(path, messageOf(error));
  });
  if (sha256 !== file.sha256) throw packedError(path, 'it does not match its SHA-256');
  if (kept) takeMemory(memory, file.bytes);
  return kept;
}

async function readHashed(path: string, bytes: number): Promise<{ kept: Uint8Array; sha256: string }> {
  const kept = new Uint8Array(bytes);
  const hash = createHash('sha256');
  let filled = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>) {
    if (filled + chunk.length > bytes) throw new Error('it grows while it is read');
    kept.set(chunk, filled);
    hash.update(chunk);
    filled += chunk.length;
  }
  return { kept, sha256: hash.digest('hex') };
}

function packedError(path: string, reason: string): IncubateError {
  return new IncubateError('DATA_PACKED', `the packed set cannot be used: ${path}: ${reason}`, {
    hint: 'Remove it and make it again with `incubate data prepare`.',
  });
}
