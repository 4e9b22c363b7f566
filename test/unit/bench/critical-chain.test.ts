import { expect, test } from 'vitest';
import { criticalChain } from '../../../scripts/bench/critical-chain.ts';
import type { JournalEntry, JournalEvent } from '../../../src/protocol/messages.ts';
import type { JobResult } from '../../../src/protocol/run.ts';
import { smallRecord } from '../../fixtures/run.ts';

const { plan } = smallRecord();

const evaluation = { top1: 1, top5: 1, loss: 0 };
const result = (job: string, seconds: number): JobResult => ({
  format: 1,
  job,
  metrics: evaluation,
  weights: { path: 'w', sha256: 'x' },
  parameters: { trained: 1, frozen: 1 },
  steps: 1,
  seconds,
  flops: 1,
  engine: 'cpu',
});

/** An attempt of a job on a lease: its process from `from` to `to`, its work from `begun` on, of which 0.5 s compilation. */
function attempt(
  job: string,
  lease: string,
  [from, begun, seconds, to]: readonly [number, number | null, number, number],
) {
  const about = { job, attempt: 1 };
  const compiled = { type: 'compiled', engine: 'cpu', seconds: 0.5, trained: 1, frozen: 1, flopsPerStep: 1 } as const;
  const entries: [number, JournalEntry][] = [
    [from, { type: 'job-started', ...about, lease, pid: 1 }],
    ...(begun === null ? [] : ([[begun + 0.5, { ...compiled, ...about }]] as [number, JournalEntry][])),
    [to, { type: 'job-exited', ...about, status: 0, signal: null }],
    [to, { type: 'job-completed', ...about, result: result(job, seconds) }],
  ];
  return entries;
}

const journal = (...entries: [number, JournalEntry][]): JournalEvent[] =>
  entries.map(([time, entry], index) => ({
    seq: index + 1,
    time: new Date(1e12 + 1000 * time).toISOString(),
    ...entry,
  }));

/** Modules on two leases, the second of which the assembly waits for. */
const run = journal(
  [0, { type: 'session-started', pid: 1 }],
  ...attempt('meta', 'cpu-0', [0.25, 1, 10, 12]),
  ...attempt('module-0', 'cpu-0', [12, 13, 5, 18.5]),
  ...attempt('module-1', 'cpu-1', [12.5, 13.5, 8, 22]),
  ...attempt('finetune', 'cpu-0', [22.25, 23, 4, 27.5]),
  ...attempt('evaluate', 'cpu-0', [28, null, 1, 30]),
  [31, { type: 'session-ended', outcome: 'completed', seconds: 31 }],
);

test('the chain goes back from the last job through what each waited for', () => {
  expect(criticalChain(run, plan)).toEqual({
    links: [
      { job: 'meta', wait: 0.25, start: 0.75, work: 10, end: 1 },
      { job: 'module-1', wait: 0.5, start: 1, work: 8, end: 0.5 },
      { job: 'finetune', wait: 0.25, start: 0.75, work: 4, end: 0.5 },
      { job: 'evaluate', wait: 0.5, start: 1, work: 1, end: 0 },
    ],
    rest: 1,
    seconds: 31,
  });
});

test('a job that only waited for its lease stands on the chain too', () => {
  const queued = journal(
    [0, { type: 'session-started', pid: 1 }],
    ...attempt('meta', 'cpu-0', [0, 1, 10, 12]),
    ...attempt('module-0', 'cpu-0', [12, 13, 5, 18.5]),
    ...attempt('module-1', 'cpu-0', [19, 20, 8, 29]),
    ...attempt('finetune', 'cpu-0', [29, 30, 4, 35]),
    ...attempt('evaluate', 'cpu-0', [35, null, 1, 37]),
    [37, { type: 'session-ended', outcome: 'completed', seconds: 37 }],
  );
  const { links } = criticalChain(queued, plan);
  expect(links.map(({ job }) => job)).toEqual(['meta', 'module-0', 'module-1', 'finetune', 'evaluate']);
  expect(links[2]?.wait).toBe(0.5);
});

test('a run that was resumed has no such chain', () => {
  const [first] = run;
  expect(() => criticalChain([first as JournalEvent, ...run], plan)).toThrow(RangeError);
});
