import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstLine, openJournal, readJournal } from '../../../src/coordinator/journal.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import type { JournalEntry } from '../../../src/protocol/messages.ts';
import { IncubateError } from '../../../src/util/errors.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const entries: JournalEntry[] = [
  { type: 'session-started', pid: 1 },
  { type: 'job-started', job: 'meta', attempt: 1, lease: 'cpu-0', pid: 2 },
  { type: 'epoch', job: 'meta', attempt: 1, epoch: 1, epochs: 2, loss: Number.NaN, lr: 0.1, seconds: 1 },
];

function journalOf(...appended: JournalEntry[]): { readonly directory: string; readonly path: string } {
  const directory = temporaryDirectory();
  const path = join(directory, 'journal.ndjson');
  writeFileSync(path, firstLine({ type: 'run-created', name: 'x' }));
  const journal = openJournal(directory);
  for (const entry of appended) journal.append(entry);
  journal.close();
  return { directory, path };
}

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'ok';
  } catch (error) {
    return error instanceof IncubateError ? error.code : `not an IncubateError: ${error}`;
  }
};

test('events are numbered, dated and read back, NaN included', () => {
  const { directory } = journalOf(...entries);
  const { events, tornBytes } = readJournal(directory);
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(events[3]).toMatchObject({ type: 'epoch', loss: Number.NaN });
  expect(tornBytes).toBe(0);
});

test('a journal cut off anywhere in its last line is recovered on opening, and reading does not touch it', () => {
  const { path, directory } = journalOf(...entries);
  const whole = readFileSync(path);
  const start = whole.lastIndexOf('\n', whole.length - 2) + 1;
  for (let length = start + 1; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    expect(readJournal(directory)).toMatchObject({ tornBytes: length - start });
    expect(readFileSync(path)).toHaveLength(length);
    const journal = openJournal(directory);
    expect(journal.events.at(-1)).toMatchObject({ seq: 4, type: 'journal-recovered', bytes: length - start });
    journal.append({ type: 'session-ended', outcome: 'stopped', seconds: 1 });
    journal.close();
    expect(readJournal(directory).events).toHaveLength(5);
  }
});

test.each([
  ['garbage', () => 'not json\n', 'line 2: not JSON'],
  [
    'an event of a newer version',
    () => '{"seq":2,"time":"2024-01-01T00:00:00.000Z","type":"party"}\n',
    "line 2: an event 'party', which this version does not know",
  ],
  ['an event that is none', () => '{"seq":2,"type":"party"}\n', 'line 2: not an event that is known here'],
  [
    'a job that is a path',
    (line: string) =>
      line.replace('"seq":1', '"seq":2').replace('run-created","name":"x"', 'job-stopped","attempt":1,"job":"../x"'),
    'line 2',
  ],
  ['the same line twice', (line: string) => line, 'line 2: event 1 is there twice'],
  ['a gap', (line: string) => line.replace('"seq":1', '"seq":3'), 'line 2: event 2 is missing'],
])('%s is an error that names the line', (_, damage, message) => {
  const { directory, path } = journalOf();
  appendFileSync(path, damage(readFileSync(path, 'utf8')));
  expect(codeOf(() => readJournal(directory))).toBe('RUN_JOURNAL');
  expect(() => openJournal(directory)).toThrow(message);
});

test('a missing journal is a damaged run', () => {
  const directory = temporaryDirectory();
  expect(codeOf(() => readJournal(directory))).toBe('RUN_JOURNAL');
  mkdirSync(join(directory, 'journal.ndjson'));
  expect(codeOf(() => readJournal(directory))).toBe('ENVIRONMENT_READ');
});

test('any bytes are either a journal or an IncubateError', () => {
  const { directory, path } = journalOf(...entries);
  const whole = readFileSync(path);
  const damage = fc.tuple(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(8));
  fc.assert(
    fc.property(damage, ([at, bytes, removed]) => {
      writeFileSync(path, Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + removed)]));
      expect(codeOf(() => replay(readJournal(directory).events))).toMatch(/^(ok|RUN_JOURNAL)$/);
    }),
    { numRuns: 300 },
  );
});

test('the time of a session that was killed counts up to its last event', () => {
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  const state = replay([
    { seq: 1, time: at(0), type: 'run-created', name: 'x' },
    { seq: 2, time: at(10), type: 'session-started', pid: 1 },
    { seq: 3, time: at(25), type: 'job-started', job: 'meta', attempt: 1, lease: 'cpu-0', pid: 2 },
    { seq: 4, time: at(1000), type: 'session-started', pid: 3 },
    { seq: 5, time: at(1004), type: 'session-ended', outcome: 'stopped', seconds: 4.5 },
  ]);
  expect(state).toMatchObject({ seconds: 19.5, sessions: 2, outcome: 'stopped', completed: false });
  expect(state.jobs.get('meta')).toMatchObject({ status: 'running', attempts: 1 });
});
