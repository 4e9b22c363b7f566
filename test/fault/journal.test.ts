import { beforeAll, describe, expect, it } from 'vitest';
import { journalViolations } from '../../scripts/soak/invariants.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { executeRun } from '../../src/coordinator/run.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { localExecutor } from '../../src/executors/local.ts';
import type { JournalEvent } from '../../src/protocol/messages.ts';
import type { RunRecord } from '../../src/protocol/run.ts';
import { createSmallRun, fixtureWorker } from '../fixtures/run.ts';

const silent = { event() {}, progress() {}, notice() {}, close() {} };
let record: RunRecord;
/** Of a run in which one job failed twice, was given up, and was completed by a second session. */
let events: readonly JournalEvent[];
beforeAll(async () => {
  const runDirectory = await createSmallRun({ 'module-1': ['crash', 'exit-9', 'complete'] });
  const execute = () => executeRun(runDirectory, { observe: () => silent, executor: localExecutor(fixtureWorker) });
  await expect(execute()).rejects.toThrow('module-1 failed');
  await execute();
  record = await loadRunRecord(runDirectory);
  ({ events } = readJournal(runDirectory));
});

const violations = (changed: readonly JournalEvent[]) =>
  journalViolations(changed, { record }).map((sentence) => sentence.replace(/^event \d+: /, ''));
const renumbered = (changed: readonly JournalEvent[]) => changed.map((event, index) => ({ ...event, seq: index + 1 }));
const changed = (change: (event: JournalEvent) => object): JournalEvent[] =>
  events.map((event) => ({ ...event, ...change(event) }) as JournalEvent);
const isOf = (event: JournalEvent, type: JournalEvent['type'], job: string) =>
  event.type === type && 'job' in event && event.job === job;

describe('the rules by which the soak judges a journal', () => {
  it('find nothing in one that was recorded', () => {
    expect(violations(events)).toEqual([]);
    expect(events.filter(({ type }) => type === 'job-failed')).toHaveLength(2);
  });

  it.each<[string, () => readonly JournalEvent[], RegExp]>([
    ['a lost event', () => events.toSpliced(5, 1), /is number 6 in the file/],
    [
      'a lost start',
      () => renumbered(events.filter((event) => !isOf(event, 'job-started', 'finetune'))),
      /attempt 1 of finetune exits without having begun/,
    ],
    [
      'a lease that two hold',
      () => changed((event) => ('lease' in event ? { lease: 'cpu-0' } : {})),
      /cpu-0 is given to module-\d while module-\d holds it/,
    ],
    [
      'an attempt that does not count',
      () => changed((event) => ('attempt' in event && event.attempt === 3 ? { attempt: 2 } : {})),
      /attempt 2 of module-1 follows 2/,
    ],
    [
      'a job that begins too early',
      () => renumbered(events.filter((event) => !isOf(event, 'job-completed', 'module-1'))),
      /finetune is begun before module-1 is done/,
    ],
    [
      'a job that is done again, otherwise',
      () => {
        const [start, exit, end] = (['job-started', 'job-exited', 'job-completed'] as const).map((type) =>
          events.find((event) => isOf(event, type, 'meta')),
        );
        if (end?.type !== 'job-completed') throw new Error('meta is completed');
        const other = { ...end, attempt: 2, result: { ...end.result, weights: { path: 'x', sha256: 'x' } } };
        return renumbered([...events, { ...start, attempt: 2 }, { ...exit, attempt: 2 }, other] as JournalEvent[]);
      },
      /meta is begun again though it is completed|meta completes with .*"x".*, before with/,
    ],
    [
      'a job that is retried too often',
      () => changed((event) => (event.type === 'job-failed' ? { retryIn: 1 } : {})),
      /module-1 is retried 2 times/,
    ],
    [
      'a second loader beside the first',
      () => {
        const loader = { ...(events[1] as JournalEvent), type: 'loader-started', pid: 1 } as JournalEvent;
        return renumbered([...events.slice(0, 3), loader, loader, ...events.slice(3)]);
      },
      /a loader is begun while one runs/,
    ],
  ])('find %s', (_, damaged, message) => {
    expect(violations(damaged())).toContainEqual(expect.stringMatching(message));
  });
});
