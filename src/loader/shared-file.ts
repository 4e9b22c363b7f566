import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';

/** Memory that processes share: a file that lies in memory where the system has a place for such. */
export interface SharedFile {
  /** Path by which other processes open it. */
  readonly path: string;
  /** What stands at its beginning, in hexadecimal digits, so that nobody takes another file for it. */
  readonly mark: string;
  /** Where what is shared may lie: behind the labels, at the beginning of a page, up to the end of the file. */
  readonly first: number;
  /** Length, bytes. Memory is taken by what is written. */
  readonly bytes: number;
  /** Throws what the system says, such as ENOSPC. */
  write(bytes: Uint8Array, offset: number): void;
  close(): void;
}

/** The same file in a process that reads it. */
export interface SharedReader {
  /** Fills `target` from `offset`. Throws where the file is too short. */
  read(target: Uint8Array, offset: number): void;
  close(): void;
}

/** Where Linux has files in memory. */
export const MEMORY = '/dev/shm';
const MARK_BYTES = 16;
const PAGE = 4096;
/** Where the labels of all images lie, as int32: those of training, and those of validation. */
export const LABELS_OFFSET = PAGE;
/** Of what is free in the place; others want some too. */
const SHARE_OF_FREE = 0.8;

/**
 * Creates a file for `bytes` bytes, or what there is room for, beside the labels.
 *
 * Where processes can open each other's descriptors, on Linux, the file has lost its name before anything is written to
 * it: however its processes end, its memory is given back with the last of them. Elsewhere it lies in `directory`, which
 * whoever starts the loader removes.
 *
 * @param directory whose name, which tells runs apart, the file's begins with
 */
export function createSharedFile(
  directory: string,
  labels: Int32Array,
  bytes: number,
  hides = existsSync('/proc/self/fd'),
): SharedFile {
  const place = hides && existsSync(MEMORY) ? MEMORY : directory;
  const prefix = basename(directory);
  // A loader that was killed has left its file.
  if (!hides) for (const name of readdirSync(place)) if (name.startsWith(prefix)) rmSync(join(place, name));
  const name = join(place, `${prefix}-${process.pid}`);
  rmSync(name, { force: true });
  const descriptor = openSync(name, 'wx+', 0o600);
  if (hides) unlinkSync(name);
  const first = Math.ceil((LABELS_OFFSET + labels.byteLength) / PAGE) * PAGE;
  const room = Math.min(first + bytes, Math.floor(freeBytes(place) * SHARE_OF_FREE));
  const length = Math.max(first, room);
  ftruncateSync(descriptor, length);
  const mark = randomBytes(MARK_BYTES);
  writeAll(descriptor, mark, 0);
  writeAll(descriptor, new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), LABELS_OFFSET);
  return {
    path: hides ? `/proc/${process.pid}/fd/${descriptor}` : name,
    mark: mark.toString('hex'),
    first,
    bytes: length,
    write: (data, offset) => writeAll(descriptor, data, offset),
    close() {
      closeSync(descriptor);
      if (!hides) unlinkSync(name);
    },
  };
}

/** Opens the file that a loader tells of. Throws what the system says, or that it is another file. */
export function openSharedFile(path: string, mark: string): SharedReader {
  const descriptor = openSync(path, 'r');
  const read = (target: Uint8Array, offset: number) => {
    for (let done = 0; done < target.length; ) {
      const count = readSync(descriptor, target, done, target.length - done, offset + done);
      if (count === 0) throw new RangeError(`the loader's file ends before ${offset + target.length}`);
      done += count;
    }
  };
  const found = Buffer.alloc(MARK_BYTES);
  try {
    read(found, 0);
    if (found.toString('hex') !== mark) throw new Error(`${path} is not the loader's file`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return { read, close: () => closeSync(descriptor) };
}

function writeAll(descriptor: number, data: Uint8Array, offset: number): void {
  for (let done = 0; done < data.length; ) {
    done += writeSync(descriptor, data, done, data.length - done, offset + done);
  }
}

function freeBytes(place: string): number {
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}
