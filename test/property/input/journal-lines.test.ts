import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { latestEvents, readJournal } from '../../../src/coordinator/journal.ts';
import { tailJournal } from '../../../src/coordinator/journal-tail.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import { journalEventSchema } from '../../../src/protocol/journal-schema.ts';
import { outcomeOf } from '../../support/outcome.ts';

const directory = mkdtempSync(join(tmpdir(), 'incubate journal '));
const path = join(directory, 'journal.ndjson');

const number = fc.oneof(fc.double(), fc.nat(), fc.constantFrom(0, -1, 2 ** 53, 1.5));
const scalar = fc.oneof(number, fc.constantFrom<unknown>(null, true, '', 'meta', '../x', 'x'.repeat(40), [], {}));
const evaluation = fc.record({ top1: number, top5: number, loss: fc.oneof(number, fc.constant(null)) });
const dates = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') });
const time = fc.oneof(
  { weight: 5, arbitrary: dates.map((date) => date.toISOString()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('2024-02-30T00:00:00.000Z', '2024-02-29T00:00:00Z', '2023-02-29T00:00:00Z', 'today', 5),
  },
);
const common = {
  seq: fc.constantFrom(1, 2, 3, 1, 2, 3, 0, 1.5),
  time,
  job: fc.constantFrom('meta', 'meta', 'module-0', 'module-1', 'Meta', ''),
  attempt: fc.nat(9),
};
const progress = {
  epoch: fc.nat(9),
  epochs: fc.oneof(fc.nat(), fc.nat(), number),
  loss: fc.oneof(number, fc.constant(null)),
  lr: number,
  seconds: number,
};

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const counts = { epoch: fc.nat(9), epochs: fc.nat(9), loss: finite, lr: finite, seconds: fc.nat() };
const accuracy = fc.record({ top1: finite, top5: finite, loss: finite });

/** Present once in a while. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

/** Events of the two types that are most of a journal, whole or with a key too many, too few or of another type. */
const frequent = fc
  .tuple(
    fc.oneof(
      fc.record({ type: fc.constant('epoch'), ...common, ...progress, evaluation }),
      fc.record({ type: fc.constant('epoch'), ...common, ...progress }),
      fc.record({ type: fc.constant('checkpoint'), ...common, step: fc.nat(), path: fc.string() }),
    ),
    seldom(fc.tuple(fc.constantFrom('seq', 'time', 'epoch', 'step', 'path', 'evaluation', 'more'), scalar)),
    seldom(fc.constantFrom('seq', 'time', 'job', 'attempt', 'loss', 'path', 'type')),
  )
  .map(([event, changed, without]) => {
    const result: Record<string, unknown> = { ...event };
    if (changed) result[changed[0]] = changed[1];
    if (without) delete result[without];
    return result;
  });

/** Whether lines are events, as the schema has it, and numbered. */
function areEvents(lines: readonly string[]) {
  return lines.every((line, index) => {
    try {
      return journalEventSchema.parse(JSON.parse(line)).seq === index + 1;
    } catch {
      return false;
    }
  });
}

test('lines are a journal or RUN_JOURNAL, as the schema has it, read at once or as they come', async () => {
  const line = fc.oneof(
    { weight: 6, arbitrary: frequent.map((event) => JSON.stringify(event)) },
    fc.constantFrom('', '{}', 'null', '[]', '{"seq":1,', '"', '{"__proto__":{"type":"epoch"}}'),
    fc.string().filter((text) => !text.includes('\n')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 3 }), fc.boolean(), async (lines, torn) => {
      const numbered = lines.map((text, index) => text.replace(/"seq":[123],/, `"seq":${index + 1},`));
      writeFileSync(path, numbered.map((text) => `${text}\n`).join('') + (torn ? '{"seq":' : ''));
      const whole = await outcomeOf(() => readJournal(directory).events);
      const tail = await outcomeOf(() => tailJournal(directory).read());
      expect(tail).toEqual(whole);
      expect('value' in whole).toBe(areEvents(numbered));
      if ('code' in whole) expect(whole.code).toBe('RUN_JOURNAL');
      else expect(replay(whole.value).sessions).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('events that are left out change nothing in the state of the run, and damage to the others is found', () => {
  const about = { job: fc.constantFrom('meta', 'module-0', 'module-1'), attempt: fc.constantFrom(1, 2) };
  const dated = { time: dates.map((date) => date.toISOString()) };
  const event = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ ...dated, type: fc.constant('epoch'), ...about, ...counts, evaluation: accuracy }),
    },
    { weight: 3, arbitrary: fc.record({ ...dated, type: fc.constant('epoch'), ...about, ...counts }) },
    {
      weight: 6,
      arbitrary: fc.record({ ...dated, type: fc.constant('checkpoint'), ...about, step: fc.nat(), path: fc.string() }),
    },
    fc.record({ ...dated, type: fc.constant('job-stopped'), ...about, step: fc.nat() }),
    fc.record({ ...dated, type: fc.constant('session-started'), pid: fc.integer({ min: 1 }) }),
    fc.record({ ...dated, type: fc.constant('session-ended'), outcome: fc.constant('stopped'), seconds: fc.nat() }),
  );
  let left = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), (events) => {
      const lines = events.map((found, index) => JSON.stringify({ seq: index + 1, ...found }));
      writeFileSync(path, lines.map((text) => `${text}\n`).join(''));
      const latest = [...latestEvents(directory)];
      const { events: all } = readJournal(directory);
      left += all.length - latest.length;
      expect(replay(latest)).toEqual(replay(all));
      expect(latest.at(-1)).toEqual(all.at(-1));

      writeFileSync(path, [...lines, '{"seq":1}', ''].join('\n'));
      expect(() => [...latestEvents(directory)]).toThrow(`line ${lines.length + 1}`);
      writeFileSync(path, [...lines, ...lines.slice(-1), ''].join('\n'));
      if (lines.length > 0) expect(() => [...latestEvents(directory)]).toThrow('is there twice');
    }),
    { numRuns: 300 },
  );
  expect(left).toBeGreaterThan(1000);
});
