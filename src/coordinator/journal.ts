import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { journalEventSchema } from '../protocol/journal-schema.ts';
import type { JournalEntry, JournalEvent } from '../protocol/messages.ts';
import { writeError } from '../util/atomic-file.ts';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';

/** The truth about a run, open for appending. Only the holder of the run's lock may open it. */
export interface Journal {
  /** All events, in order: those found and those appended since. */
  readonly events: readonly JournalEvent[];
  /**
   * Numbers, dates and writes an entry; it is on disk when this returns. Throws ENVIRONMENT_WRITE, and from then on always:
   * what came after a gap would tell of things that never began.
   */
  append(entry: JournalEntry): JournalEvent;
  close(): void;
}

export interface JournalReading {
  readonly events: readonly JournalEvent[];
  /** Length of the whole lines, bytes. */
  readonly length: number;
  /** Bytes after the last whole line: an append that was cut off, or is being written right now. */
  readonly tornBytes: number;
}

export function journalPath(runDirectory: string): string {
  return join(runDirectory, 'journal.ndjson');
}

/**
 * Reads a journal without touching it; a torn last line is left out.
 *
 * Throws RUN_JOURNAL naming the line that is damaged, repeated or out of order, and RUN_JOURNAL where there is none.
 */
export function readJournal(runDirectory: string): JournalReading {
  const path = journalPath(runDirectory);
  const bytes = readBytes(path);
  const length = bytes.lastIndexOf('\n') + 1;
  const lines = [...linesOf(bytes.toString('utf8', 0, length))];
  const events = lines.map(([line, number]) => parseEvent(line, number, path));
  return { events, length, tornBytes: bytes.length - length };
}

/**
 * The events of a journal that the state of its run depends on: of epochs and checkpoints, which long journals consist of,
 * those alone that no later one of their job replaces before another event comes. Of the others only the number is read,
 * which takes a third of the time. Throws as {@link readJournal}.
 */
export function* latestEvents(runDirectory: string): Generator<JournalEvent> {
  const path = journalPath(runDirectory);
  const bytes = readBytes(path);
  const text = bytes.toString('utf8', 0, bytes.lastIndexOf('\n') + 1);
  const latest = new Map<string, readonly [number: number, start: number, end: number]>();
  const parse = (number: number, start: number, end: number) => parseEvent(text.slice(start, end), number, path);
  const kept = () =>
    [...latest.values()].sort(([one], [other]) => one - other).map(([number, start, end]) => parse(number, start, end));
  for (let [start, number] = [0, 1]; start < text.length; number++) {
    const end = text.indexOf('\n', start);
    const kind = replaceableKind(text, number, start, end);
    if (kind !== undefined) latest.set(kind, [number, start, end]);
    else {
      yield* kept();
      latest.clear();
      yield parse(number, start, end);
    }
    start = end + 1;
  }
  yield* kept();
}

/**
 * What a line replaces, as a key: an epoch with or without evaluation, or a checkpoint, of a job. Undefined for other events,
 * and for whatever is not written as {@link Journal.append} does.
 */
function replaceableKind(text: string, number: number, start: number, end: number): string | undefined {
  const head = `{"seq":${number},"time":"`;
  if (!text.startsWith(head, start)) return undefined;
  const type = start + head.length + ISO_TIME_LENGTH + '","type":'.length;
  const isEpoch = text.startsWith('"epoch","job":"', type);
  if (!isEpoch && !text.startsWith('"checkpoint","job":"', type)) return undefined;
  const kind = text.slice(type, text.indexOf(',"attempt"', type));
  return isEpoch && text.slice(type, end).includes('"evaluation":') ? `${kind},evaluated` : kind;
}

const ISO_TIME_LENGTH = new Date(0).toISOString().length;

/** Whole lines and their numbers, from 1. */
function* linesOf(text: string): Generator<readonly [line: string, number: number]> {
  for (let [start, number] = [0, 1]; start < text.length; number++) {
    const end = text.indexOf('\n', start);
    yield [text.slice(start, end), number];
    start = end + 1;
  }
}

/** Opens a journal for appending, cutting off a torn last line and recording that. Throws as {@link readJournal}. */
export function openJournal(runDirectory: string): Journal {
  const path = journalPath(runDirectory);
  const reading = readJournal(runDirectory);
  const events = [...reading.events];
  let { length } = reading;
  const file = attempt(path, () => openSync(path, 'r+'));

  let failure: unknown;
  const journal: Journal = {
    events,
    append(entry) {
      if (failure !== undefined) throw failure;
      const event = { seq: events.length + 1, time: new Date().toISOString(), ...entry } as JournalEvent;
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      attempt(path, () => {
        try {
          writeWhole(file, line, length);
          fdatasyncSync(file);
        } catch (error) {
          failure = writeError(path, error);
          // A part of a line must not be continued by the next session.
          ftruncateSync(file, length);
          throw error;
        }
      });
      length += line.length;
      events.push(event);
      return event;
    },
    close: () => closeSync(file),
  };

  if (reading.tornBytes > 0) {
    attempt(path, () => ftruncateSync(file, length));
    journal.append({ type: 'journal-recovered', bytes: reading.tornBytes });
  }
  return journal;
}

/** A new journal's content. */
export function firstLine(entry: JournalEntry): string {
  return `${JSON.stringify({ seq: 1, time: new Date().toISOString(), ...entry })}\n`;
}

function writeWhole(file: number, line: Buffer, position: number): void {
  let written = 0;
  while (written < line.length) {
    written += writeSync(file, line, written, line.length - written, position + written);
  }
}

/** The event of a journal's line, counted from 1. Throws RUN_JOURNAL naming the line and what is wrong with it. */
export function parseEvent(line: string, number: number, path: string): JournalEvent {
  const damaged = (what: string, hint = 'Restore the file from a backup, or start a new run.') =>
    new IncubateError('RUN_JOURNAL', `${path} is damaged at line ${number}: ${what}`, { hint });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw damaged(`not JSON (${messageOf(error)})`);
  }
  const event = checked(value, damaged);
  if (event.seq < number) throw damaged(`event ${event.seq} is there twice`, 'Remove the repeated line.');
  if (event.seq > number) throw damaged(`event ${number} is missing, ${event.seq} follows`);
  return event;
}

function checked(value: unknown, damaged: (what: string, hint?: string) => IncubateError): JournalEvent {
  const parsed = journalEventSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const { data: newer } = newerEventSchema.safeParse(value);
  if (newer && issue?.path[0] === 'type') {
    throw damaged(
      `an event '${newer.type}', which this version does not know`,
      'Use the version of incubate that wrote it, or a newer one.',
    );
  }
  throw damaged(`not an event that is known here (${issue?.path.join('.') || 'line'}: ${issue?.message})`);
}

/** What any version's events have. */
const newerEventSchema = z.looseObject({ seq: z.int(), time: z.iso.datetime(), type: z.string() });

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw readError(path, error);
    throw new IncubateError('RUN_JOURNAL', `${path} is missing`, { cause: error });
  }
}

function readError(path: string, cause: unknown): IncubateError {
  return new IncubateError('ENVIRONMENT_READ', `cannot read ${path}: ${messageOf(cause)}`, { cause });
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw writeError(path, error);
  }
}
