import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RunConfig } from '../../../src/config/schema.ts';
import { readJournal } from '../../../src/coordinator/journal.ts';
import { countOomKills } from '../../../src/coordinator/oom-kills.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import { type ExecuteOptions, executeRun } from '../../../src/coordinator/run.ts';
import { localExecutor } from '../../../src/executors/local.ts';
import {
  attemptPids,
  createSmallRun,
  fixtureWorker,
  smallConfig,
  smallRecord,
  temporaryDirectory,
} from '../../fixtures/run.ts';

afterEach(() => void vi.unstubAllEnvs());

const silent = { event() {}, progress() {}, notice() {}, close() {} };
const execute = (runDirectory: string, options: Partial<ExecuteOptions> = {}) =>
  executeRun(runDirectory, { observe: () => silent, executor: localExecutor(fixtureWorker), ...options });

const runWith = (execution: Partial<RunConfig['execution']>, behaviour: Record<string, readonly string[]>) =>
  createSmallRun(behaviour, smallRecord(smallConfig(execution)));
const failureOf = (runDirectory: string, job = 'meta') => {
  const event = readJournal(runDirectory).events.find((found) => found.type === 'job-failed' && found.job === job);
  return event?.type === 'job-failed' ? event : undefined;
};

describe('a worker that passes a limit is ended and tried again', () => {
  const expectStall = (runDirectory: string, word: string, limit: string, message: RegExp) => {
    expect(attemptPids(runDirectory, 'meta')).toHaveLength(2);
    const failed = failureOf(runDirectory);
    expect(failed).toMatchObject({ retryIn: 0.01, logTail: [`meta: ${word}`] });
    expect(failed?.error).toMatchObject({
      code: 'TRAINING_STALLED',
      message: expect.stringMatching(message),
      hint: expect.stringContaining(`execution.${limit}`),
    });
    const exited = readJournal(runDirectory).events.find((event) => event.type === 'job-exited');
    expect(exited).toMatchObject({ signal: 'SIGKILL', state: 'running' });
  };

  test.each([
    ['block', 'firstStepLimit', /meta had not done its first step after \d.*\(running\), and was ended/],
    ['stuck-step', 'stepLimit', /meta had not ended a step after \d.*\(running\), and was ended/],
  ])('%s: %s', async (word, limit, message) => {
    const runDirectory = await runWith({ [limit]: 2 }, { meta: [word, 'complete'] });
    await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
    expectStall(runDirectory, word, limit, message);
  });

  test('SIGSTOP: heartbeatLimit', async () => {
    const runDirectory = await runWith({ heartbeatLimit: 2 }, { meta: ['wait', 'complete'] });
    const running = execute(runDirectory);
    const stateOf = () => replay(readJournal(runDirectory).events).jobs.get('meta')?.worker?.state;
    await expect.poll(stateOf, { timeout: 20_000 }).toBe('running');
    process.kill(attemptPids(runDirectory, 'meta')[0] as number, 'SIGSTOP');
    await expect(running).resolves.toMatchObject({ status: 'completed' });
    expectStall(runDirectory, 'wait', 'heartbeatLimit', /no sign of life after 2.*has suspended it \(SIGSTOP\)/);
  });
});

describe('a worker is left alone', () => {
  test('while its first step takes longer than later ones may', async () => {
    const runDirectory = await runWith({ stepLimit: 1, heartbeatLimit: 2 }, { meta: ['slow-first-step'] });
    await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
    expect(attemptPids(runDirectory, 'meta')).toHaveLength(1);
    const states = readJournal(runDirectory).events.flatMap((event) => (event.type === 'job-state' ? event.state : []));
    expect(states).toEqual(['compiling', 'running']);
  });

  test('where there are no limits', async () => {
    const limits = { heartbeatLimit: null, firstStepLimit: null, stepLimit: null };
    const runDirectory = await runWith(limits, { meta: ['slow-first-step'] });
    await expect(execute(runDirectory)).resolves.toMatchObject({ status: 'completed' });
  });
});

describe('ends are told apart', () => {
  test.each([
    ['exit-0', 'TRAINING_NO_RESULT', 'left no result'],
    ['exit-9', 'TRAINING_EXITED', 'exited with status 9'],
    ['crash', 'TRAINING_CRASHED', 'used memory that is not its own and was ended by SIGSEGV'],
    ['abort', 'TRAINING_CRASHED', 'gave up and was ended by SIGABRT'],
    ['full-heap', 'TRAINING_MEMORY', 'its heap was full'],
    ['killed', 'TRAINING_KILLED', 'killed from outside (SIGKILL)'],
  ])('%s is %s', async (word, code, message) => {
    const runDirectory = await runWith({ retries: 0, onOutOfMemory: 'retry' }, { meta: [word] });
    vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=32');
    await expect(execute(runDirectory, { oomKills: () => 0 })).rejects.toThrow('meta failed');
    expect(failureOf(runDirectory)).toMatchObject({
      error: { code, message: expect.stringContaining(message) },
      logTail: expect.arrayContaining([`meta: ${word}`]),
    });
  });

  test('a kill for want of memory is told by the counter of the cgroup', async () => {
    const runDirectory = await runWith({ retries: 0, onOutOfMemory: 'retry' }, { meta: ['oom'] });
    const proc = temporaryDirectory();
    mkdirSync(join(proc, 'self'));
    writeFileSync(join(proc, 'self', 'cgroup'), '0::/cgroup\n');
    mkdirSync(join(runDirectory, 'cgroup'));
    writeFileSync(join(runDirectory, 'cgroup', 'memory.events'), 'oom 0\noom_kill 0\n');
    const oomKills = () => countOomKills({ proc, cgroups: runDirectory });
    await expect(execute(runDirectory, { oomKills })).rejects.toThrow('memory had run out');
    expect(failureOf(runDirectory)?.error.code).toBe('TRAINING_MEMORY');
  });
});

describe('the number of processes that were killed for want of memory', () => {
  function system(membership: string, files: Record<string, string>) {
    const root = temporaryDirectory();
    const all = { 'proc/self/cgroup': membership, ...files };
    for (const [path, content] of Object.entries(all)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return { proc: join(root, 'proc'), cgroups: join(root, 'cgroups') };
  }
  const vmstat = { 'proc/vmstat': 'pgfault 12\noom_kill 5\n' };

  test.each([
    ['version 2', '0::/a/b\n', { 'cgroups/a/b/memory.events': 'low 0\noom_group_kill 9\noom_kill 3\n', ...vmstat }, 3],
    ['version 2, from within a container', '0::/a\n', { 'cgroups/memory.events': 'oom_kill 2\n', ...vmstat }, 2],
    ['version 1', '4:cpu,memory:/x\n0::/\n', { 'cgroups/memory/x/memory.oom_control': 'under_oom 0\noom_kill 7\n' }, 7],
    ['no cgroup that counts', '0::/\n', vmstat, 5],
    ['nothing', '0::/\n', {}, undefined],
    ['rubbish', 'rubbish', { 'proc/vmstat': 'oom_kill many\n' }, undefined],
  ])('of %s', (_, membership, files, count) => {
    expect(countOomKills(system(membership, files as Record<string, string>))).toBe(count);
  });
});

test('failures are told in the order in which they happened', async () => {
  const runDirectory = await runWith({ retries: 0 }, { 'module-1': ['fail-data'], 'module-0': ['late-failure'] });
  await expect(execute(runDirectory)).rejects.toThrow(/^module-1 failed: .*; module-0 failed: .*; not started/);
  const text = readFileSync(join(runDirectory, 'jobs', 'module-0', 'log.txt'), 'utf8');
  expect(text).toContain('late-failure');
});
