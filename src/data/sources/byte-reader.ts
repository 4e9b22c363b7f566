import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { readError } from './file-error.ts';

/** Reads bytes one after the other. Nothing is allocated for bytes that are not there. */
export interface ByteReader {
  /** How many bytes have been read or skipped. */
  readonly position: number;
  /** The next `length` bytes; fewer at the end. */
  take(length: number): Promise<Uint8Array>;
  /** Passes over the next `length` bytes and returns how many there were. */
  skip(length: number): Promise<number>;
}

/** Bytes of a file that are read at a time: few where most of it is skipped. */
const SMALLEST_WINDOW = 1 << 12;
const LARGEST_WINDOW = 1 << 16;

/**
 * Reads a file from its beginning, decompressed where it is a gzip.
 *
 * @throws DATA_FILE where it cannot be read or decompressed, and what `use` throws.
 */
export async function withReader<Result>(
  path: string,
  use: (reader: ByteReader, isCompressed: boolean) => Promise<Result>,
): Promise<Result> {
  const file = await open(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    const magic = new Uint8Array(2);
    await file.read(magic, 0, 2, 0);
    if (magic[0] !== 0x1f || magic[1] !== 0x8b) return await use(fileReader(file, (await file.stat()).size), false);
    const compressed = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
    const plain = createGunzip({ chunkSize: 1 << 20 });
    compressed.on('error', (error) => plain.destroy(error));
    try {
      return await use(streamReader(compressed.pipe(plain)), true);
    } finally {
      compressed.destroy();
      plain.destroy();
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

/** Reads a file through a window; what is skipped is not read. */
export function fileReader(file: FileHandle, size: number): ByteReader {
  let position = 0;
  let window = new Uint8Array();
  let windowStart = 0;
  let span = SMALLEST_WINDOW;
  return {
    get position() {
      return position;
    },
    async take(length) {
      const wanted = Math.min(length, size - position);
      if (position < windowStart || position + wanted > windowStart + window.length) {
        const skipped = position - (windowStart + window.length);
        span = skipped < span ? Math.min(2 * span, LARGEST_WINDOW) : SMALLEST_WINDOW;
        const bytes = new Uint8Array(Math.min(Math.max(wanted, span), size - position));
        window = bytes.subarray(0, await readFully(file, bytes, position));
        windowStart = position;
      }
      const taken = window.subarray(position - windowStart, position - windowStart + wanted);
      position += taken.length;
      return taken;
    },
    async skip(length) {
      const skipped = Math.min(length, size - position);
      position += skipped;
      return skipped;
    },
  };
}

/** Fills `bytes` from a place of a file; returns how many there were. */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Reads what a stream gives. */
export function streamReader(stream: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = stream[Symbol.asyncIterator]();
  let position = 0;
  let rest: Uint8Array = new Uint8Array();
  /** The next bytes that are there, at most `length`; none at the end. */
  const next = async (length: number): Promise<Uint8Array> => {
    while (rest.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return rest;
      rest = value;
    }
    const taken = rest.subarray(0, length);
    rest = rest.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  return {
    get position() {
      return position;
    },
    async take(length) {
      const parts: Uint8Array[] = [];
      let missing = length;
      while (missing > 0) {
        const part = await next(missing);
        if (part.length === 0) break;
        parts.push(part);
        missing -= part.length;
      }
      return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
    },
    async skip(length) {
      let missing = length;
      while (missing > 0) {
        const part = await next(missing);
        if (part.length === 0) break;
        missing -= part.length;
      }
      return length - missing;
    },
  };
}
