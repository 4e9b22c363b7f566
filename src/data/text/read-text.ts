import { type FileHandle, open } from 'node:fs/promises';
import { readFully } from '../sources/byte-reader.ts';
import { readError } from '../sources/file-error.ts';
import type { TextPart } from './find-text.ts';

/** Bytes that are read at a time. */
const PIECE = 1 << 20;
/** Bytes at the beginning of a file that are looked at. */
const LOOK = 1 << 13;
const NEWLINE = 0x0a;

/**
 * The bytes of a part in pieces, which end with a line where one ends within a mebibyte, and with a character otherwise.
 *
 * @throws DATA_FILE where it cannot be read
 */
export async function* piecesOf({ path, from, to }: TextPart): AsyncGenerator<Buffer> {
  const file = await opened(path);
  try {
    for (let position = from; position < to; ) {
      const piece = Buffer.alloc(Math.min(PIECE, to - position));
      const length = await readFully(file, piece, position);
      if (length === 0) return;
      const read = piece.subarray(0, length);
      const isLast = position + length >= to;
      const end = isLast ? length : read.lastIndexOf(NEWLINE) + 1 || beginningOfCharacter(read, length - 1) || length;
      yield read.subarray(0, end);
      position += end;
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

/** The first place of a file, from one on, at which a character of UTF-8 begins. */
export async function nextCharacter({ path }: TextPart, from: number): Promise<number> {
  const file = await opened(path);
  try {
    const bytes = new Uint8Array(4);
    const read = bytes.subarray(0, await readFully(file, bytes, from));
    const at = read.findIndex(isBeginning);
    return at < 0 ? from : from + at;
  } finally {
    await file.close();
  }
}

/** Whether a file has zero bytes near its beginning, as no text in UTF-8 has. */
export async function looksBinary(path: string): Promise<boolean> {
  const file = await opened(path);
  try {
    const bytes = new Uint8Array(LOOK);
    return bytes.subarray(0, await readFully(file, bytes, 0)).includes(0);
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle> {
  return open(path).catch((error: unknown) => {
    throw readError(path, error);
  });
}

/** The last place up to `from`, and not far before it, at which a character begins. */
function beginningOfCharacter(bytes: Uint8Array, from: number): number {
  for (let at = from; at > Math.max(0, from - 4); at--) if (isBeginning(bytes[at] as number)) return at;
  return from;
}

function isBeginning(byte: number): boolean {
  return (byte & 0xc0) !== 0x80;
}
