import { type FileHandle, open } from 'node:fs/promises';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';

/** A worker's log, which may grow, be cut off and begun anew, or not be there yet. */
export interface LogReader {
  /**
   * What was added since the last call, in pieces of whole lines; `all` adds a last line that has no end yet.
   *
   * Throws ENVIRONMENT_READ for a log that cannot be read.
   */
  read(all: boolean): AsyncGenerator<Buffer>;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;

/** @param last lines to begin with, counted from the end; undefined for all of them */
export function readLog(path: string, last: number | undefined): LogReader {
  let position: number | undefined;
  let torn = Buffer.alloc(0);
  return {
    async *read(all) {
      const file = await openIfAny(path);
      if (file) {
        try {
          const { size } = await file.stat();
          position ??= last === undefined ? 0 : await startOfLast(file, size, last);
          if (size < position) {
            // Cut off: what stands there now is new.
            position = 0;
            torn = Buffer.alloc(0);
          }
          for (;;) {
            const { buffer, bytesRead } = await file.read(Buffer.alloc(blockBytes), 0, blockBytes, position);
            if (bytesRead === 0) break;
            position += bytesRead;
            const bytes = Buffer.concat([torn, buffer.subarray(0, bytesRead)]);
            // A line that does not end is not collected for ever.
            const whole = bytes.length > 16 * blockBytes ? bytes.length : bytes.lastIndexOf(newline) + 1;
            torn = bytes.subarray(whole);
            if (whole > 0) yield bytes.subarray(0, whole);
          }
        } finally {
          await file.close();
        }
      }
      if (all && torn.length > 0) {
        yield torn;
        torn = Buffer.alloc(0);
      }
    },
  };
}

/** Where the last lines of a file begin; it is read from its end, as far as needed. */
async function startOfLast(file: FileHandle, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let missing = lines;
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - blockBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The end of the last line begins no other.
      if (buffer[index] !== newline || begin + index === size - 1) continue;
      missing -= 1;
      if (missing === 0) return begin + index + 1;
    }
    end = begin;
  }
  return 0;
}

async function openIfAny(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw new IncubateError('ENVIRONMENT_READ', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
