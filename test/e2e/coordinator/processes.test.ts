import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { readJournal } from '../../../src/coordinator/journal.ts';
import { lockHolder } from '../../../src/coordinator/lock.ts';
import { replay } from '../../../src/coordinator/replay.ts';
import { attemptPids, createSmallRun } from '../../fixtures/run.ts';
import { isAlive } from '../../support/run.ts';

const program = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));

const coordinate = (runDirectory: string) => execa('node', [program, runDirectory], { reject: false });
type Coordinator = ReturnType<typeof coordinate>;

const answer = (stdout: string): unknown => JSON.parse(stdout);
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 30 });

/** Waits until a job's current worker has been noted in the journal and has said something. */
async function untilWorking(runDirectory: string, job: string, attempt = 1): Promise<void> {
  await eventually(() => {
    const events = readJournal(runDirectory).events;
    expect(events.some((event) => event.type === 'epoch' && event.job === job && event.attempt === attempt)).toBe(true);
  });
}

const statesOf = (runDirectory: string) => replay(readJournal(runDirectory).events).jobs;

async function stopWith(coordinator: Coordinator, signal: 'SIGINT' | 'SIGTERM') {
  process.kill(coordinator.pid as number, signal);
  const { stdout } = await coordinator;
  expect(answer(stdout)).toEqual({ status: 'stopped', signal });
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops the workers, and a later session finishes the run',
  async (signal) => {
    const runDirectory = await createSmallRun({ 'module-0': ['wait', 'complete'], 'module-1': ['complete'] });
    const coordinator = coordinate(runDirectory);
    await untilWorking(runDirectory, 'module-0');
    await eventually(() => expect(statesOf(runDirectory).get('module-1')?.status).toBe('completed'));
    await stopWith(coordinator, signal);
    expect(statesOf(runDirectory).get('module-0')).toMatchObject({ status: 'stopped', failures: 0 });
    expect(await lockHolder(runDirectory)).toBeUndefined();

    expect(answer((await coordinate(runDirectory)).stdout)).toEqual({ status: 'completed' });
    expect(attemptPids(runDirectory, 'module-0')).toHaveLength(2);
    expect(attemptPids(runDirectory, 'module-1')).toHaveLength(1);
  },
);

test('a worker that ignores the request to stop and SIGTERM is killed', async () => {
  const runDirectory = await createSmallRun({ meta: ['ignore-stop'] });
  const coordinator = coordinate(runDirectory);
  await untilWorking(runDirectory, 'meta');
  await stopWith(coordinator, 'SIGINT');
  expect(attemptPids(runDirectory, 'meta').filter(isAlive)).toEqual([]);
});

test('the second signal ends workers, the third kills them', async () => {
  const runDirectory = await createSmallRun({ meta: ['ignore-stop'] });
  const coordinator = coordinate(runDirectory);
  const notices: string[] = [];
  coordinator.stderr.on('data', (data: Buffer) => notices.push(...(String(data).match(/^notice/gm) ?? [])));
  await untilWorking(runDirectory, 'meta');
  const started = performance.now();
  // Signals that come faster than they are handled become one, so each is sent after the notice of the one before.
  for (const [count, signal] of (['SIGINT', 'SIGTERM', 'SIGINT'] as const).entries()) {
    await eventually(() => expect(notices).toHaveLength(count));
    process.kill(coordinator.pid as number, signal);
  }
  const { stdout } = await coordinator;
  expect(answer(stdout)).toMatchObject({ status: 'stopped' });
  expect(performance.now() - started).toBeLessThan(4_000);
});

test('no descendant of a worker survives it', async () => {
  const runDirectory = await createSmallRun({ meta: ['grandchild'] });
  const coordinator = coordinate(runDirectory);
  let grandchild = 0;
  await eventually(() => {
    grandchild = Number(readFileSync(join(runDirectory, 'jobs', 'meta', 'grandchild'), 'utf8'));
    expect(grandchild).toBeGreaterThan(0);
  });
  expect(isAlive(grandchild)).toBe(true);
  await stopWith(coordinator, 'SIGINT');
  await eventually(() => expect(isAlive(grandchild)).toBe(false));
});

test('workers do not outlive a coordinator that is killed, and the run goes on', async () => {
  const runDirectory = await createSmallRun({ 'module-0': ['wait', 'complete'] });
  const coordinator = coordinate(runDirectory);
  await untilWorking(runDirectory, 'module-0');
  coordinator.kill('SIGKILL');
  await coordinator;
  await eventually(() => expect(attemptPids(runDirectory, 'module-0').filter(isAlive)).toEqual([]));
  expect(answer((await coordinate(runDirectory)).stdout)).toEqual({ status: 'completed' });
  expect(attemptPids(runDirectory, 'meta')).toHaveLength(1);
});

test('a worker whose main thread is busy does not outlive its coordinator either', async () => {
  const runDirectory = await createSmallRun({ meta: ['block', 'complete'] });
  const coordinator = coordinate(runDirectory);
  // The state comes from the thread that beats.
  await eventually(() => expect(statesOf(runDirectory).get('meta')?.worker?.state).toBe('running'));
  coordinator.kill('SIGKILL');
  await coordinator;
  const [busy] = attemptPids(runDirectory, 'meta');
  await vi.waitFor(() => expect(isAlive(busy as number)).toBe(false), { timeout: 5_000, interval: 30 });
  expect(answer((await coordinate(runDirectory)).stdout)).toEqual({ status: 'completed' });
});

test('a worker that does not notice its coordinator’s death is ended by the next one', async () => {
  const runDirectory = await createSmallRun({ meta: ['deaf', 'complete'] });
  const coordinator = coordinate(runDirectory);
  await untilWorking(runDirectory, 'meta');
  coordinator.kill('SIGKILL');
  await coordinator;
  const [deaf] = attemptPids(runDirectory, 'meta');
  expect(isAlive(deaf as number)).toBe(true);
  expect(answer((await coordinate(runDirectory)).stdout)).toEqual({ status: 'completed' });
  expect(isAlive(deaf as number)).toBe(false);
});

test('a run has one coordinator; another is told which', async () => {
  const runDirectory = await createSmallRun({ meta: ['wait'] });
  const first = coordinate(runDirectory);
  await untilWorking(runDirectory, 'meta');
  const second = await coordinate(runDirectory);
  expect(second.exitCode).toBe(5);
  expect(answer(second.stdout)).toMatchObject({ code: 'LOCKED', message: expect.stringContaining(`${first.pid}`) });
  await stopWith(first, 'SIGTERM');
});
