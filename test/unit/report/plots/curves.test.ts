import { expect, test } from 'vitest';
import { replay } from '../../../../src/coordinator/replay.ts';
import type { JournalEntry, JournalEvent } from '../../../../src/protocol/messages.ts';
import type { Evaluation } from '../../../../src/protocol/run.ts';
import type { ComparedRun } from '../../../../src/report/compare/read-run.ts';
import type { Measure } from '../../../../src/report/measures.ts';
import { jobCurves, lastTraining } from '../../../../src/report/plots/curves.ts';
import { smallRecord } from '../../../fixtures/run.ts';

const top1: Measure = { key: 'top1', title: 'top-1', format: String };
const evaluation = (share: number): Evaluation => ({ top1: share, top5: 1, loss: 1 });

function epoch(job: string, number: number, epochs: number, loss: number, share?: number): JournalEntry {
  const evaluated = share === undefined ? {} : { evaluation: evaluation(share) };
  return { type: 'epoch', job, attempt: 1, epoch: number, epochs, loss, lr: 1, seconds: 1, ...evaluated };
}

function runOf(...entries: JournalEntry[]): ComparedRun {
  const record = smallRecord();
  const events = entries.map(
    (entry, index): JournalEvent => ({ seq: index + 1, time: '2024-01-02T03:04:05.678Z', ...entry }),
  );
  return { directory: '/runs/small', record, status: 'stopped', state: replay(events, record.plan.jobs), events };
}

test('curves begin where what a job builds on has been paid for', () => {
  const curves = jobCurves(
    runOf(
      epoch('meta', 1, 3, 3, 0.1),
      epoch('meta', 2, 3, 2),
      epoch('meta', 3, 3, 1, 0.3),
      epoch('module-0', 1, 1, 0.9, 0.4),
      epoch('module-1', 1, 1, 0.8, 0.5),
      { type: 'evaluated', job: 'finetune', attempt: 1, what: 'cold', evaluation: evaluation(0.2) },
      epoch('finetune', 1, 1, 0.7, 0.6),
    ),
    top1,
  );
  // Of four layers: the meta model has two, for three epochs. Module 0 is two of them before a frozen meta slice, module 1
  // two behind one: 3 · 2 + 2 and 3 · 2 + 1 of the 12 layer units of an image.
  const [meta, first, second] = [1.5, 8 / 12, 7 / 12];
  const expected = [
    [
      'meta',
      0,
      [0.5, 1, 1.5],
      [
        [0.5, 0.1],
        [1.5, 0.3],
      ],
    ],
    ['module-0', meta, [meta + first], [[meta + first, 0.4]]],
    ['module-1', meta, [meta + second], [[meta + second, 0.5]]],
    [
      'finetune',
      meta + first + second,
      [meta + first + second + 1],
      [
        [meta + first + second, 0.2],
        [meta + first + second + 1, 0.6],
      ],
    ],
  ] as const;
  expect(curves.map(({ job }) => job)).toEqual(expected.map(([job]) => job));
  for (const [index, [, begins, losses, measured]] of expected.entries()) {
    const curve = curves[index];
    expect(curve?.begins).toBeCloseTo(begins, 12);
    expect(curve?.losses.map(({ cost }) => cost)).toEqual(losses.map((cost) => expect.closeTo(cost, 9)));
    expect(curve?.measured.map(({ cost, value }) => [cost, value])).toEqual(
      measured.map(([cost, value]) => [expect.closeTo(cost, 9), value]),
    );
  }
});

test('an epoch that was trained again counts once, as it came out last', () => {
  const [meta] = jobCurves(
    runOf(epoch('meta', 1, 3, 3), epoch('meta', 2, 3, 9), epoch('meta', 2, 3, 2), epoch('meta', 3, 3, 1)),
    top1,
  );
  expect(meta?.losses.map(({ value }) => value)).toEqual([3, 2, 1]);
});

test('jobs that have not come to the end of an epoch have no curve', () => {
  expect(jobCurves(runOf(), top1)).toEqual([]);
});

test('the job whose weights are evaluated trains the whole network', () => {
  expect(lastTraining(smallRecord())).toBe('finetune');
});
