import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { JournalEvent, ProgressMessage } from '../../../src/protocol/messages.ts';
import { streamEvents } from '../../../src/report/event-stream.ts';

const time = '2024-01-02T03:04:05.000Z';
const progress: ProgressMessage = {
  type: 'progress',
  epoch: 1,
  epochs: 2,
  step: 3,
  steps: 4,
  loss: Number.NaN,
  imagesPerSecond: 5,
  secondsLeft: 6,
};
const stopped = (seq: number): JournalEvent => ({ seq, time, type: 'job-stopped', job: 'meta', attempt: 1 });

test('a reader that lags behind loses progress and no event', async () => {
  const reader = new PassThrough({ highWaterMark: 400 });
  const stream = streamEvents(reader);
  for (let seq = 1; seq <= 20; seq++) {
    stream.event(stopped(seq));
    stream.progress('meta', progress);
  }
  reader.end();
  const lines = (await reader.setEncoding('utf8').toArray())
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ type }) => type !== 'progress').map(({ seq }) => seq)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  const updates = lines.filter(({ type }) => type === 'progress');
  expect(updates.length).toBeGreaterThan(0);
  expect(updates.length).toBeLessThan(10);
  expect(updates[0]).toMatchObject({ job: 'meta', step: 3, loss: null });
});

test('an event that was written is not written again', () => {
  const reader = new PassThrough();
  const stream = streamEvents(reader);
  stream.event(stopped(1));
  stream.event(stopped(1));
  stream.event(stopped(2));
  expect(String(reader.read()).trimEnd().split('\n')).toHaveLength(2);
});
