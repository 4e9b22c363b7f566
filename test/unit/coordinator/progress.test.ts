import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { replay } from '../../../src/coordinator/replay.ts';
import type { JournalEvent } from '../../../src/protocol/messages.ts';
import type { RunRecord, RunResult } from '../../../src/protocol/run.ts';
import { showProgress } from '../../../src/report/progress.ts';
import { resultTable } from '../../../src/report/table.ts';
import { smallConfig, smallRecord } from '../../fixtures/run.ts';

const time = '2024-01-02T03:04:05.000Z';
const evaluation = { top1: 0.8123, top5: 0.9, loss: 0.75 };
const events: JournalEvent[] = [
  { seq: 1, time, type: 'job-started', job: 'module-0', attempt: 2, lease: 'cpu-0', pid: 1 },
  {
    seq: 2,
    time,
    type: 'epoch',
    job: 'module-0',
    attempt: 2,
    epoch: 1,
    epochs: 3,
    loss: 2.5,
    lr: 5e-4,
    seconds: 75,
    evaluation,
  },
  {
    seq: 3,
    time,
    type: 'job-failed',
    job: 'module-0',
    attempt: 2,
    error: { code: 'X', message: 'it broke', exitCode: 1 },
    retryIn: 2,
    logTail: ['last words'],
  },
];

const bigScreen = { columns: 100, rows: 30 };

function show(
  environment: NodeJS.ProcessEnv,
  isTTY: boolean,
  { record = smallRecord(), size = bigScreen }: { record?: RunRecord; size?: typeof bigScreen | undefined } = {},
): string {
  const stream = Object.assign(new PassThrough(), { isTTY, ...size });
  const progress = showProgress(record, replay([], record.plan.jobs), stream, environment);
  for (const event of events.slice(0, 2)) progress.event(event);
  progress.progress('module-0', {
    type: 'progress',
    epoch: 2,
    epochs: 3,
    step: 5,
    steps: 10,
    loss: 2.25,
    imagesPerSecond: 812.4,
    secondsLeft: 65,
  });
  for (const event of events.slice(2)) progress.event(event);
  progress.notice('something else');
  progress.close();
  return String(stream.read());
}

test('away from terminals there is a plain line per event', () => {
  const lines = show({}, false).split('\n');
  expect(lines[0]).toContain('small: vit-tiny in 2 modules of 2+2 blocks; 100 images of 2 classes; on cpu-0, cpu-1');
  expect(lines.slice(1).map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''))).toEqual([
    'module-0   started on cpu-0, attempt 2',
    'module-0   epoch 1/3  loss 2.5000  top-1 81.23%  lr 5.0e-4  1m 15s',
    'module-0   failed: it broke; next attempt in 2.0s',
    '    | last words',
    'something else',
    '',
  ]);
});

test('what is trained as a whole is one module', () => {
  const config = smallConfig();
  const shown = show({}, false, { record: smallRecord({ ...config, method: { ...config.method, name: 'e2e' } }) });
  expect(shown).toMatch(/^small: vit-tiny in one module of 4 blocks; /);
});

test('on a terminal there is a line per job, and failures stay above', () => {
  const shown = show({ TERM: 'xterm' }, true);
  const text = stripVTControlCharacters(shown);
  expect(text).toContain('module-0   failed: it broke; next attempt in 2.0s');
  expect(text).toMatch(/! module-0 +retrying +epoch 2\/3 +loss 2.2500 +top-1 81.23% +it broke/);
  expect(text).toMatch(/· evaluate +pending/);
  expect(shown).toContain('\u001b[33m! module-0');
});

test.each([
  ['CI', { TERM: 'xterm', CI: 'true' }, true],
  ['a dumb terminal', { TERM: 'dumb' }, true],
  ['a pipe', { TERM: 'xterm' }, false],
  ['a terminal that does not know its size', { TERM: 'xterm' }, true, { columns: 0, rows: 0 }],
])('%s gets plain lines', (_, environment, isTTY, size?: { columns: number; rows: number }) => {
  expect(stripVTControlCharacters(show(environment, isTTY, { size }))).not.toContain('· evaluate');
});

test.each([
  [{ TERM: 'xterm', NO_COLOR: '1' }, true, false],
  [{ TERM: 'xterm', CI: '1' }, true, true],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ TERM: 'xterm', FORCE_COLOR: '0' }, true, false],
  [{ TERM: 'dumb' }, true, false],
])('%j on a terminal (%s): colours %s', (environment, isTTY, coloured) => {
  expect(show(environment, isTTY).includes('\u001b[3')).toBe(coloured);
});

test('the table holds accuracy, time and cost of each stage, and the weights', () => {
  const job = (name: string, layerUnits: number) => ({ job: name, seconds: 75, flops: 1, layerUnits });
  const result: RunResult = {
    status: 'completed',
    method: 'incubation',
    run: 'small',
    metrics: { meta: evaluation, modules: [evaluation, evaluation], cold: evaluation, final: evaluation },
    weights: { path: '/runs/small/weights', sha256: 'abc' },
    seconds: 3_725,
    cost: {
      jobs: [job('meta', 25), job('module-0', 25), job('module-1', 25), job('finetune', 25), job('evaluate', 0)],
      layerUnitsOfEndToEnd: 1.2,
      criticalPathOfEndToEnd: 0.8,
    },
  };
  expect(resultTable(result).split('\n')).toEqual([
    'small                    top-1   top-5    loss    time  layer units',
    'meta model              81.23%  90.00%  0.7500  1m 15s       30.00%',
    'module 0 in meta model  81.23%  90.00%  0.7500  1m 15s       30.00%',
    'module 1 in meta model  81.23%  90.00%  0.7500  1m 15s       30.00%',
    'cold assembly           81.23%  90.00%  0.7500',
    'fine-tuned              81.23%  90.00%  0.7500  1m 15s       30.00%',
    '',
    'method   incubation',
    'time     1h 02m',
    'cost     120.00% of end-to-end training for the meta model’s epochs, in layer units; 80.00% on the longest chain of jobs',
    'weights  /runs/small/weights',
    'SHA-256  abc',
    '',
  ]);
});

test.each([
  [
    'gstack',
    { meta: evaluation, cold: evaluation, final: evaluation },
    ['meta model', 'stacked', 'fine-tuned'],
    'the meta model’s',
  ],
  ['e2e', { final: evaluation }, ['trained'], 'as many'],
] as const)('the table of %s has the stages of the method', (method, metrics, stages, epochs) => {
  const cost = { jobs: [], layerUnitsOfEndToEnd: 1, criticalPathOfEndToEnd: 1 };
  const weights = { path: '/runs/small/weights', sha256: 'abc' };
  const table = resultTable({ status: 'completed', method, run: 'small', metrics, weights, seconds: 1, cost });
  const [head = ''] = table.split('\n\n');
  expect(
    head
      .split('\n')
      .slice(1)
      .map((row) => row.split('  ', 1)[0]),
  ).toEqual(stages);
  expect(table).toContain(`end-to-end training for ${epochs} epochs`);
});
