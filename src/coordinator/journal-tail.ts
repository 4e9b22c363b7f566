import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { JournalEvent } from '../protocol/messages.ts';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';
import { journalPath, parseEvent } from './journal.ts';

/** A journal as it grows, for those who watch a run without holding its lock. */
export interface JournalTail {
  /** The events whose lines have been completed since the last call. Throws as `readJournal`. */
  read(): JournalEvent[];
}

/** Each line is read and parsed once. Nothing stays open between two readings, so nobody is kept from removing the run. */
export function tailJournal(runDirectory: string): JournalTail {
  const path = journalPath(runDirectory);
  let position = 0;
  let lines = 0;
  return {
    read() {
      const bytes = readFrom(path, position);
      const length = bytes.lastIndexOf('\n') + 1;
      position += length;
      const added = bytes.toString('utf8', 0, length).split('\n').slice(0, -1);
      return added.map((line) => {
        lines += 1;
        return parseEvent(line, lines, path);
      });
    },
  };
}

function readFrom(path: string, position: number): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      // What an interrupted append had left may be cut off; whole lines stay.
      if (size < position) throw new IncubateError('RUN_JOURNAL', `${path} has become shorter while it was read`);
      const bytes = Buffer.allocUnsafe(size - position);
      let read = 0;
      while (read < bytes.length) {
        const count = readSync(file, bytes, read, bytes.length - read, position + read);
        if (count === 0) break;
        read += count;
      }
      return bytes.subarray(0, read);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof IncubateError) throw error;
    if (hasErrno(error, 'ENOENT')) throw new IncubateError('RUN_JOURNAL', `${path} is missing`, { cause: error });
    throw new IncubateError('ENVIRONMENT_READ', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
