import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf, survivorsOf } from '../../../scripts/soak/processes.ts';
import { loaderRemains } from '../../../scripts/soak/remains.ts';
import { startCli } from '../../../scripts/soak/session.ts';
import { thorough } from '../../support/faults.ts';
import { imageRuns, loaderPid } from '../../support/image-runs.ts';
import { journalOf, type LooseEvent, untilEvent } from '../../support/run.ts';
import type { TinyRuns } from '../../support/tiny-run.ts';

let runs: TinyRuns;
/** SHA-256 of the weights of runs that nothing befell, by `data.sharing`. */
const expected: Record<string, string> = {};
const sharing = (mode: string) => ['--set', `data.sharing=${mode}`];
const slots = (count: number) => ['--set', `devices.slots=${count}`];
const weightsOf = (stdout: unknown): string => JSON.parse(String(stdout)).weights.sha256;

beforeAll(async () => {
  runs = await imageRuns();
  for (const mode of ['off', 'batches']) {
    // Of one slot: nobody to share with, and no loader.
    const { stdout } = await startCli(runs.trainArguments(mode, ...sharing(mode), ...slots(1)));
    expected[mode] = weightsOf(stdout);
    expect(kindsOf(await journalOf(runs.runDirectory(mode)))).toEqual([]);
  }
}, 600_000);
afterAll(() => runs.remove());

/** What the journal says of loaders. */
const kindsOf = (events: readonly LooseEvent[]) =>
  events.flatMap(({ type, retryIn }) =>
    type.startsWith('loader') ? [type === 'loader-exited' && retryIn === undefined ? 'loader-given-up' : type] : [],
  );
const trained = (run: string, job: string, step = 2) =>
  untilEvent(run, (event) => event.type === 'checkpoint' && event.job === job && (event.step as number) >= step);

function start(mode: string, name: string, ...more: string[]) {
  const run = `${mode}-${name}`;
  const child = startCli(runs.trainArguments(run, ...sharing(mode), ...slots(2), ...more));
  return { child, run: runs.runDirectory(run) };
}

/** Lets a run end and checks that it is what it would have been. */
async function finishes(child: ReturnType<typeof startCli>, run: string, mode: string): Promise<LooseEvent[]> {
  const { exitCode, stdout, stderr } = await child;
  expect([exitCode, exitCode === 0 ? '' : String(stderr)]).toEqual([0, '']);
  expect(weightsOf(stdout)).toBe(expected[mode]);
  expect(loaderRemains(run)).toEqual([]);
  expect(processesOf(run)).toEqual([]);
  return journalOf(run);
}

describe('a run whose jobs share decoded images', () => {
  it.each(thorough ? [2, 3] : [3])('ends with the weights of one whose jobs do not, in %i slots', async (count) => {
    const run = runs.runDirectory(`images-${count}`);
    const child = startCli(runs.trainArguments(`images-${count}`, ...sharing('images'), ...slots(count)));
    const events = await finishes(child, run, 'off');
    expect(kindsOf(events)).toEqual(['loader-started']);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it.runIf(thorough)('needs no loader where it is switched off, or there is no memory for it', async () => {
    for (const [name, ...more] of [
      ['off-2', ...sharing('off')],
      ['none', ...sharing('images'), '--set', 'data.cacheMiB=0'],
    ] as const) {
      const child = startCli(runs.trainArguments(name, ...more, ...slots(2)));
      expect(kindsOf(await finishes(child, runs.runDirectory(name), 'off'))).toEqual([]);
    }
  });
});

describe.each([
  ['images', 'off'],
  ['batches', 'batches'],
])('a run whose jobs share %s', (mode, reference) => {
  // What is alike in both is tried in one of them where time is short.
  it.skipIf(!thorough && mode === 'images')('goes on when its loader is killed, with the same weights', async () => {
    const { child, run } = start(mode, 'killed');
    await trained(run, 'meta');
    process.kill(await loaderPid(run), 'SIGKILL');
    await Promise.race([trained(run, 'module-0', 6), trained(run, 'module-1', 6)]);
    process.kill(await loaderPid(run, 2), 'SIGKILL');
    const events = await finishes(child, run, reference);
    const told = kindsOf(events);
    expect(told.slice(0, 4)).toEqual(['loader-started', 'loader-exited', 'loader-started', 'loader-exited']);
    expect(events.filter(({ type }) => type === 'job-failed')).toEqual([]);
  });

  it.runIf(thorough)('is not held up by a job that something has suspended', async () => {
    const { child, run } = start(mode, 'suspended', '--set', 'execution.heartbeatLimit=null');
    const started = await untilEvent(run, ({ type, job }) => type === 'job-started' && job === 'module-0');
    await trained(run, 'module-0');
    process.kill(started.pid as number, 'SIGSTOP');
    await untilEvent(run, ({ type, job }) => type === 'job-completed' && job === 'module-1');
    expect((await journalOf(run)).some(({ type, job }) => type === 'job-completed' && job === 'module-0')).toBe(false);
    process.kill(started.pid as number, 'SIGCONT');
    await finishes(child, run, reference);
  });

  const title = 'leaves nothing when everything is killed, and resume ends with the same weights';
  it.skipIf(!thorough && mode === 'images')(title, async () => {
    const { child, run } = start(mode, 'orphaned');
    const loader = await loaderPid(run);
    await trained(run, 'module-1');
    child.kill('SIGKILL');
    await child;
    expect(await survivorsOf(run, new Set([loader]))).toEqual([]);
    // Also a session without a loader clears away what is left of the one before.
    const more = mode === 'images' ? ['--set', 'devices.slots=1', '--force'] : [];
    await finishes(startCli(['resume', run, '--json', ...more]), run, reference);
  });
});

describe('a run', () => {
  it.runIf(thorough)('does without a loader that dies again and again', async () => {
    const { child, run } = start('batches', 'given-up');
    for (let number = 1; number <= 5; number++) process.kill(await loaderPid(run, number), 'SIGKILL');
    const events = await finishes(child, run, 'batches');
    expect(kindsOf(events).at(-1)).toBe('loader-given-up');
    expect(events.filter(({ type }) => type === 'job-failed')).toEqual([]);
  });

  it.runIf(thorough)('has a loader that hangs replaced', async () => {
    const { child, run } = start('images', 'hung', '--set', 'execution.heartbeatLimit=4');
    await trained(run, 'meta');
    process.kill(await loaderPid(run), 'SIGSTOP');
    const events = await finishes(child, run, 'off');
    const exited = events.find(({ type }) => type === 'loader-exited');
    expect(exited?.reason).toBe('showed no sign of life and was ended');
  });
});
