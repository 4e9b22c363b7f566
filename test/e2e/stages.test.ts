import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';
import { isAlive, journalOf, startCli, untilEvent } from '../support/run.ts';
import { type TinyRuns, tinyRuns } from '../support/tiny-run.ts';

let runs: TinyRuns;
beforeAll(() => {
  runs = tinyRuns();
});
afterAll(() => runs.remove());

/** Long enough to be struck in the middle. */
const settings = [
  'method.name=dgl',
  'method.updates=asynchronous',
  'data.shapes.train=640',
  'phases.train.epochs=3',
  'phases.train.warmupEpochs=0',
  'checkpoint.everySteps=10',
].flatMap((setting) => ['--set', setting]);
const train = (run: string) => runs.trainArguments(run, '--json', ...settings);

/** Processes of the modules that a worker trains, of its process group. */
function stagesOf(worker: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, group] = /^\d+ \(.*\) \S \d+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        return Number(group) === worker && /programs\/stage\.js/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The worker of the job that trains, after its first checkpoint, and the processes of its modules. */
async function atWork(run: string) {
  await untilEvent(run, ({ type }) => type === 'checkpoint');
  const started = (await journalOf(run)).findLast(({ type, job }) => type === 'job-started' && job === 'train');
  const worker = started?.pid as number;
  return { worker, stages: stagesOf(worker) };
}

const gone = (pids: readonly number[]) =>
  vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 20_000, interval: 30 });

it('trains each module in a process of its own', async () => {
  const child = startCli(train('whole'));
  const { worker, stages } = await atWork(runs.runDirectory('whole'));
  expect(stages).toHaveLength(2);
  const { stdout, stderr, exitCode } = await child;
  expect(exitCode, stderr).toBe(0);
  const { metrics } = JSON.parse(stdout);
  const evaluated = await runCli(['eval', runs.runDirectory('whole'), '--json']);
  expect(JSON.parse(evaluated.stdout).top1).toBe(metrics.final.top1);
  await gone([worker, ...stages]);
});

it.each(thorough ? [0, 1] : [1])(
  'goes on from the last checkpoint after the process of module %i was killed',
  async (module) => {
    const run = `killed-${module}`;
    const child = startCli(train(run));
    const { worker, stages } = await atWork(runs.runDirectory(run));
    process.kill(stages[module] as number, 'SIGKILL');
    const { exitCode, stderr } = await child;
    expect(exitCode, stderr).toBe(0);
    const events = await journalOf(runs.runDirectory(run));
    expect(events.find(({ type }) => type === 'job-failed')).toMatchObject({
      job: 'train',
      error: {
        code: 'RETRY_STAGE',
        message: expect.stringMatching(/^the process that trains module [01] was ended by/),
      },
      retryIn: expect.any(Number),
    });
    expect(events.find(({ type }) => type === 'resumed')).toMatchObject({ job: 'train', step: expect.any(Number) });
    await gone([worker, ...stages]);
  },
);

it.runIf(thorough)('saves all modules where a signal reaches every process of the job', async () => {
  const run = runs.runDirectory('signalled');
  const child = startCli(train('signalled'));
  const { worker } = await atWork(run);
  process.kill(-worker, 'SIGTERM');
  const { exitCode, stderr } = await child;
  expect(exitCode, stderr).toBe(0);
  const events = await journalOf(run);
  expect(events.find(({ type }) => type === 'job-failed')).toMatchObject({ error: { code: 'RETRY_STOPPED' } });
  expect(events.find(({ type }) => type === 'resumed')).toMatchObject({ job: 'train' });
});

it('leaves no process behind where it is stopped or killed, and goes on', async () => {
  const run = runs.runDirectory('stopped');
  const child = startCli(train('stopped'));
  const first = await atWork(run);
  child.kill('SIGINT');
  expect((await child).exitCode).toBe(130);
  await gone([first.worker, ...first.stages]);
  const again = startCli(['resume', run, '--json']);
  await untilEvent(run, ({ type }) => type === 'resumed');
  await vi.waitFor(async () => expect(stagesOf((await atWork(run)).worker)).toHaveLength(2), { timeout: 20_000 });
  const second = await atWork(run);
  again.kill('SIGKILL');
  await again;
  await gone([second.worker, ...second.stages]);
  const { exitCode, stderr } = await runCli(['resume', run]);
  expect(exitCode, stderr).toBe(0);
});
