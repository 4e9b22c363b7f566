import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { acceptChanges, configChanges, withChanges } from '../../../src/coordinator/config-changes.ts';
import { readJournal } from '../../../src/coordinator/journal.ts';
import { recheckRun } from '../../../src/coordinator/recheck.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import { type ExecuteOptions, executeRun } from '../../../src/coordinator/run.ts';
import { describeDataset } from '../../../src/data/open.ts';
import { localExecutor } from '../../../src/executors/local.ts';
import { attemptPids, cpuSlots, createSmallRun, fixtureWorker, smallConfig, smallRecord } from '../../fixtures/run.ts';

const silent = { event() {}, progress() {}, notice() {}, close() {} };
const execute = (runDirectory: string, options: Partial<ExecuteOptions> = {}) =>
  executeRun(runDirectory, { observe: () => silent, executor: localExecutor(fixtureWorker), ...options });
const refusal = { code: 'CONFIG_CHANGED', message: 'other settings', otherwise: 'do otherwise' } as const;
const jobs = ['meta', 'module-0', 'module-1', 'finetune', 'evaluate'];
const attempts = (runDirectory: string) => jobs.map((job) => attemptPids(runDirectory, job).length);
const configOf = (runDirectory: string, job: string): RunConfig =>
  JSON.parse(readFileSync(join(runDirectory, 'jobs', job, 'spec.json'), 'utf8')).config;

/** Changes settings as `incubate resume --force --set` does. */
const forcing =
  (settings: (config: RunConfig) => RunConfig): NonNullable<ExecuteOptions['reconfigure']> =>
  async (config) =>
    acceptChanges(configChanges(config, settings(config)), true, refusal);

test('changes that were accepted hold for the session and for those after it, and run.json stays', async () => {
  const runDirectory = await createSmallRun({ 'module-0': ['fail', 'fail', 'fail', 'complete'] });
  const record = readFileSync(join(runDirectory, 'run.json'), 'utf8');
  const reconfigure = forcing((config) => ({ ...config, execution: { ...config.execution, retries: 0 } }));
  await expect(execute(runDirectory, { reconfigure })).rejects.toThrow('module-0 failed');
  expect(attempts(runDirectory)).toEqual([1, 1, 1, 0, 0]);
  await expect(execute(runDirectory)).rejects.toThrow('module-0 failed');
  expect(attempts(runDirectory)).toEqual([1, 2, 1, 0, 0]);
  expect(configOf(runDirectory, 'module-0').execution.retries).toBe(0);
  const back = forcing((config) => ({ ...config, execution: { ...config.execution, retries: 1 } }));
  await expect(execute(runDirectory, { reconfigure: back })).resolves.toMatchObject({ status: 'completed' });
  expect(replay(readJournal(runDirectory).events).changes).toEqual([
    { key: 'execution.retries', from: 1, to: 0 },
    { key: 'execution.retries', from: 0, to: 1 },
  ]);
  expect(readFileSync(join(runDirectory, 'run.json'), 'utf8')).toBe(record);
});

test('what decides on the outcome is refused, forced or not, and nothing is run', async () => {
  const runDirectory = await createSmallRun();
  const events = readJournal(runDirectory).events;
  const reconfigure = forcing((config) => ({
    ...config,
    seed: 5,
    checkpoint: { ...config.checkpoint, keep: 7 },
    devices: { ...config.devices, engine: 'cpu' },
  }));
  await expect(execute(runDirectory, { reconfigure })).rejects.toMatchObject({
    code: 'CONFIG_CHANGED',
    exitCode: 3,
    message: 'other settings:\n  seed: 0 → 5\n  checkpoint.keep: 2 → 7\n  devices.engine: "auto" → "cpu"',
    hint: expect.stringContaining('outcome: seed, devices.engine. Leave'),
  });
  expect(readJournal(runDirectory).events).toEqual(events);
});

test('safe changes are refused without force, with the way out', () => {
  const from = smallConfig();
  const to = { ...from, execution: { ...from.execution, stepLimit: null } };
  expect(() => acceptChanges(configChanges(from, to), false, refusal)).toThrow(
    expect.objectContaining({
      message: 'other settings:\n  execution.stepLimit: 3600 → null',
      hint: 'They do not change what comes out of it: add --force to go on with them, or do otherwise.',
    }),
  );
  expect(acceptChanges(configChanges(from, from), false, refusal)).toEqual([]);
});

test('a configuration with the changes to another is that other one', () => {
  const from = runConfigSchema.parse({});
  const to = runConfigSchema.parse({
    data: { mean: [0.1, 0.2, 0.3], shapes: { train: 7 } },
    division: { depths: [1, 2] },
    devices: { gpus: [0, 'GPU-1'] },
  });
  expect(withChanges(from, configChanges(from, to))).toEqual(to);
  expect(withChanges(to, configChanges(to, from))).toEqual(from);
  expect(withChanges(from, [{ key: 'no.such.setting', from: 1, to: 2 }])).toEqual(from);
  expect(() => withChanges(from, [{ key: 'execution.retries', from: 1, to: 'x' }])).toThrow(
    expect.objectContaining({
      code: 'RUN_JOURNAL',
      message: expect.stringContaining('execution.retries the value "x"'),
    }),
  );
});

test('some jobs alone are run with what they need, and the rest later', async () => {
  const runDirectory = await createSmallRun();
  const only = ['module-1'];
  const first = await execute(runDirectory, { only });
  expect(first).toMatchObject({ status: 'partial', remaining: ['module-0', 'finetune', 'evaluate'] });
  expect(attempts(runDirectory)).toEqual([1, 0, 1, 0, 0]);
  expect(await execute(runDirectory, { only })).toMatchObject({ status: 'partial' });
  expect(attempts(runDirectory)).toEqual([1, 0, 1, 0, 0]);
  expect(await execute(runDirectory)).toMatchObject({ status: 'completed' });
  expect(attempts(runDirectory)).toEqual([1, 1, 1, 1, 1]);
  await expect(execute(runDirectory, { only: ['module-2'] })).rejects.toMatchObject({ code: 'USAGE_JOB', exitCode: 2 });
});

test('a job that fails among those that were asked for fails the session without a word on others', async () => {
  const runDirectory = await createSmallRun({ 'module-1': ['fail-data'] });
  await expect(execute(runDirectory, { only: ['module-1'] })).rejects.toThrow(/^module-1 failed: [^;]*$/);
  expect(attempts(runDirectory)).toEqual([1, 0, 1, 0, 0]);
});

test('a run goes on with more or fewer slots than it was planned on, at the threads of the plan', async () => {
  const config = smallConfig();
  const slots = (count: number) => ({ ...config, devices: { ...config.devices, slots: count } });
  const record = smallRecord(slots(2), cpuSlots(2));
  const dataset = await describeDataset(config);
  for (const count of [1, 2, 5]) {
    const leases = await recheckRun({ ...record, dataset, config: slots(count) });
    expect(leases).toEqual(cpuSlots(count));
  }
  const runDirectory = await createSmallRun({ meta: ['fail-data', 'complete'] }, record);
  await expect(execute(runDirectory)).rejects.toThrow('meta failed');
  const recheck = async ({ config: now }: { config: RunConfig }) => cpuSlots(now.devices.slots ?? 0);
  const one = forcing((current) => ({ ...current, devices: { ...current.devices, slots: 1 } }));
  await expect(execute(runDirectory, { reconfigure: one, recheck })).resolves.toMatchObject({ status: 'completed' });
  const started = readJournal(runDirectory).events.filter((event) => event.type === 'job-started');
  expect(new Set(started.slice(1).map(({ lease }) => lease))).toEqual(new Set(['cpu-0']));
});

test('a want of memory halves the micro-batches of its job, which later sessions keep', async () => {
  const config = smallConfig({ retries: 0 });
  const small = { ...config, training: { ...config.training, batchSize: 12, mixup: 0, cutmix: 0 } };
  const words = ['fail-memory', 'fail-memory', 'fail-data', 'complete'];
  const runDirectory = await createSmallRun({ 'module-0': words }, smallRecord(small));
  await expect(execute(runDirectory)).rejects.toThrow('module-0 failed');
  const events = readJournal(runDirectory).events.filter((event) => 'job' in event && event.job === 'module-0');
  expect(events.flatMap((event) => (event.type === 'job-failed' ? [[event.accumulate, event.retryIn]] : []))).toEqual([
    [2, 0],
    [4, 0],
    [undefined, undefined],
  ]);
  expect(events.flatMap((event) => (event.type === 'warning' ? event.message : []))).toEqual([
    expect.stringMatching(/each step of 12 images is now done in 2 micro-batches of 6; the gradient is the same/),
    expect.stringMatching(/4 micro-batches of 3;/),
  ]);
  await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
  expect(configOf(runDirectory, 'module-0').training.accumulate).toBe(4);
  expect(configOf(runDirectory, 'module-1').training.accumulate).toBe(1);
  expect(configOf(runDirectory, 'finetune').training.accumulate).toBe(1);
});

test('a want of memory that nothing smaller could help counts as a failure', async () => {
  const config = smallConfig({ retries: 1 });
  // Mixed images stay in pairs: two micro-batches of six, and no smaller ones.
  const small = { ...config, training: { ...config.training, batchSize: 12 } };
  const runDirectory = await createSmallRun({ meta: ['fail-memory'] }, smallRecord(small));
  await expect(execute(runDirectory)).rejects.toThrow('meta failed');
  expect(attempts(runDirectory)).toEqual([3, 0, 0, 0, 0]);
  const retrying = smallConfig({ retries: 1, onOutOfMemory: 'retry' });
  const other = await createSmallRun({ meta: ['fail-memory'], evaluate: ['fail-memory'] }, smallRecord(retrying));
  await expect(execute(other)).rejects.toThrow('meta failed');
  expect(attempts(other)).toEqual([2, 0, 0, 0, 0]);
});
