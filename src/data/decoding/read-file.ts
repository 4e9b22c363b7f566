import { closeSync, openSync, readSync } from 'node:fs';

/** Kept from file to file: fresh memory costs more than reading does. */
let kept = new Uint8Array(2 ** 18);
/** Bytes above which no memory is kept. */
const MOST_KEPT = 2 ** 24;

/** The bytes of a file. They are there until the next one is read. */
export function readFile(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    let room = kept;
    for (let length = 0; ; ) {
      length += readSync(file, room, length, room.length - length, null);
      // Less than was asked for is the end.
      if (length < room.length) return room.subarray(0, length);
      const larger = new Uint8Array(2 * room.length);
      larger.set(room);
      room = larger;
      if (room.length <= MOST_KEPT) kept = room;
    }
  } finally {
    closeSync(file);
  }
}
