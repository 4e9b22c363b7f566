import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readJournal } from '../../../src/coordinator/journal.ts';
import type { RunObserver } from '../../../src/coordinator/observer.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import { type ExecuteOptions, executeRun } from '../../../src/coordinator/run.ts';
import { localExecutor } from '../../../src/executors/local.ts';
import type { JournalEvent } from '../../../src/protocol/messages.ts';
import { attemptPids, cpuSlots, createSmallRun, fixtureWorker, smallConfig, smallRecord } from '../../fixtures/run.ts';

interface Recorder extends RunObserver {
  readonly seen: JournalEvent[];
  readonly notices: string[];
}

function recorder(onEvent: (event: JournalEvent) => void = () => {}): Recorder {
  const seen: JournalEvent[] = [];
  const notices: string[] = [];
  return {
    seen,
    notices,
    event(event) {
      seen.push(event);
      onEvent(event);
    },
    progress() {},
    notice: (text) => notices.push(text),
    close() {},
  };
}

const execute = (runDirectory: string, observer: RunObserver = recorder(), options: Partial<ExecuteOptions> = {}) =>
  executeRun(runDirectory, { observe: () => observer, executor: localExecutor(fixtureWorker), ...options });

const stateOf = (runDirectory: string) => replay(readJournal(runDirectory).events);
const jobs = ['meta', 'module-0', 'module-1', 'finetune', 'evaluate'];
const attempts = (runDirectory: string) => jobs.map((job) => attemptPids(runDirectory, job).length);
const starts = (observer: Recorder) =>
  observer.seen.flatMap((event) => (event.type === 'job-started' ? event.job : []));

test('a run goes from the meta model over the modules to the evaluation of the whole', async () => {
  const runDirectory = await createSmallRun();
  const observer = recorder();
  const outcome = await execute(runDirectory, observer);
  if (outcome.status !== 'completed') throw new Error(outcome.status);
  expect(starts(observer)[0]).toBe('meta');
  expect(starts(observer).slice(1, 3).sort()).toEqual(['module-0', 'module-1']);
  expect(starts(observer).slice(3)).toEqual(['finetune', 'evaluate']);
  expect(outcome.result.weights.path).toBe(join(runDirectory, 'jobs', 'finetune', 'weights.bin'));
  expect(JSON.parse(readFileSync(join(runDirectory, 'result.json'), 'utf8'))).toEqual(outcome.result);
  expect(observer.seen).toEqual(readJournal(runDirectory).events.slice(1));
});

test('a completed run gives its result again and starts nothing', async () => {
  const runDirectory = await createSmallRun();
  const first = await execute(runDirectory);
  const events = readJournal(runDirectory).events.length;
  const recheck = () => Promise.reject(new Error('a complete run needs no check'));
  expect(await execute(runDirectory, recorder(), { recheck })).toEqual(first);
  expect(readJournal(runDirectory).events).toHaveLength(events);
});

test('a signal that came before a run began stops it, and it goes on later', async () => {
  const runDirectory = await createSmallRun();
  const observer = recorder();
  const stopped = await execute(runDirectory, observer, { signals: { received: 'SIGTERM', dispose() {} } });
  expect(stopped).toMatchObject({ status: 'stopped', signal: 'SIGTERM' });
  expect(observer.notices).toEqual([expect.stringContaining('SIGTERM')]);
  expect(attempts(runDirectory)).toEqual([0, 0, 0, 0, 0]);
  expect(await execute(runDirectory)).toMatchObject({ status: 'completed' });
});

test('no two running jobs share a lease', async () => {
  const runDirectory = await createSmallRun();
  const held = new Map<string, string>();
  const observer = recorder((event) => {
    if (event.type === 'job-started') {
      expect([...held.values()]).not.toContain(event.lease);
      held.set(event.job, event.lease);
    }
    if (event.type === 'job-exited') held.delete(event.job);
  });
  await execute(runDirectory, observer);
  expect(held.size).toBe(0);
});

test('one slot runs one job at a time, the costliest first', async () => {
  const record = smallRecord(
    { ...smallConfig(), division: { ...smallConfig().division, depths: [1, 3] } },
    cpuSlots(1),
  );
  const runDirectory = await createSmallRun({}, record);
  const observer = recorder();
  await execute(runDirectory, observer);
  expect(starts(observer)).toEqual(['meta', 'module-1', 'module-0', 'finetune', 'evaluate']);
});

test.each(['fail', 'crash', 'exit-0', 'exit-9'])('a job that ends with %s once is tried again', async (word) => {
  const runDirectory = await createSmallRun({ 'module-1': [word, 'complete'] });
  await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
  expect(attempts(runDirectory)).toEqual([1, 1, 2, 1, 1]);
  expect(stateOf(runDirectory).jobs.get('module-1')).toMatchObject({ status: 'completed', attempts: 2 });
});

test.each([
  ['fail', 2, 'failed as told: fail', 'TRAINING_JOB', 1],
  ['crash', 2, 'ended by SIGSEGV', 'TRAINING_JOB', 1],
  ['exit-0', 2, 'exited with status 0 but left no result', 'TRAINING_JOB', 1],
  ['exit-9', 2, 'exited with status 9 without a reason', 'TRAINING_JOB', 1],
  ['fail-data', 1, 'failed as told: fail-data', 'DATA_IMAGE', 7],
  ['fail-nan', 1, 'failed as told: fail-nan', 'TRAINING_JOB', 1],
  ['lie', 1, 'has changed since it was written', 'TRAINING_JOB', 1],
])(
  'a module that always ends with %s is given up after %i attempts, and the others finish',
  async (word, count, why, code, exitCode) => {
    const runDirectory = await createSmallRun({ 'module-0': [word] });
    await expect(execute(runDirectory)).rejects.toMatchObject({
      code,
      exitCode,
      message: expect.stringMatching(new RegExp(`^module-0 failed: .*${why}; not started: finetune, evaluate$`)),
      hint: expect.stringContaining('incubate resume'),
    });
    expect(attempts(runDirectory)).toEqual([1, count, 1, 0, 0]);
  },
);

test('a failure in the data and one in training are together one of the run', async () => {
  const runDirectory = await createSmallRun({ 'module-0': ['fail-data'], 'module-1': ['fail-nan'] });
  await expect(execute(runDirectory)).rejects.toMatchObject({ code: 'TRAINING_JOB', exitCode: 1 });
});

test('the last lines of the log are kept with the failure', async () => {
  const runDirectory = await createSmallRun({ meta: ['crash'] });
  await expect(execute(runDirectory)).rejects.toThrow('meta failed');
  const failed = readJournal(runDirectory).events.find((event) => event.type === 'job-failed');
  expect(failed).toMatchObject({ logTail: ['meta: crash', 'about to crash'], retryIn: 0.01 });
});

test('after a failure only the failed job and what needs it are run', async () => {
  const runDirectory = await createSmallRun({ 'module-0': ['fail', 'fail', 'complete'] });
  await expect(execute(runDirectory)).rejects.toThrow('module-0 failed');
  await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
  expect(attempts(runDirectory)).toEqual([1, 3, 1, 1, 1]);
});

test('a job whose weights changed behind our back is repeated', async () => {
  const runDirectory = await createSmallRun({ finetune: ['fail-data', 'complete'] });
  await expect(execute(runDirectory)).rejects.toThrow('finetune failed');
  writeFileSync(join(runDirectory, 'jobs', 'module-1', 'weights.bin'), 'damaged');
  const observer = recorder();
  await expect(execute(runDirectory, observer)).resolves.toMatchObject({ status: 'completed' });
  expect(attempts(runDirectory)).toEqual([1, 1, 2, 2, 1]);
  expect(observer.notices.join()).toMatch(/module-1 is repeated: .*has changed/);
});

test('a crash after the result is no failure', async () => {
  const runDirectory = await createSmallRun({ finetune: ['complete-then-crash'] });
  await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
});

test('attempts that failed before the coordinator was killed still count', async () => {
  const runDirectory = await createSmallRun({ meta: ['fail', 'fail', 'complete'] });
  await expect(execute(runDirectory, recorder(), { retries: 1 })).rejects.toThrow('meta failed');
  const path = join(runDirectory, 'journal.ndjson');
  const lines = readFileSync(path, 'utf8').split('\n');
  const retry = lines.findIndex((line) => line.includes('"retryIn"'));
  writeFileSync(
    path,
    lines
      .slice(0, retry + 1)
      .map((line) => `${line}\n`)
      .join(''),
  );
  writeFileSync(join(runDirectory, 'jobs', 'meta', 'attempts'), '1 \n');
  await expect(execute(runDirectory, recorder(), { retries: 1 })).rejects.toThrow('meta failed');
  expect(stateOf(runDirectory).jobs.get('meta')).toMatchObject({ attempts: 2, status: 'failed' });
});

test('workers see the device of their lease and no other', async () => {
  const leases = cpuSlots(1).map((lease) => ({ ...lease, cudaVisibleDevices: 'GPU-1234' }));
  const runDirectory = await createSmallRun({}, smallRecord(smallConfig(), leases));
  await execute(runDirectory);
  expect(readFileSync(join(runDirectory, 'jobs', 'meta', 'attempts'), 'utf8')).toMatch(/^\d+ GPU-1234\n$/);
});

test('an event that cannot be noted ends the run with the cause', async () => {
  const runDirectory = await createSmallRun({ meta: ['wait'] });
  const observer = recorder((event) => {
    if (event.type === 'compiled') throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  });
  await expect(execute(runDirectory, observer)).rejects.toThrow('no space left');
  expect(existsSync(join(runDirectory, 'result.json'))).toBe(false);
});
