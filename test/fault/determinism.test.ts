import { afterAll, expect, it } from 'vitest';
import { startCli } from '../../scripts/soak/session.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { thorough } from '../support/faults.ts';
import { untilEvent } from '../support/run.ts';
import { tinyRuns } from '../support/tiny-run.ts';

const runs = tinyRuns();
afterAll(() => runs.remove());

/** Trains, the job `held` being suspended until the job `before` is done, and returns the SHA-256 of the weights. */
async function weightsOf(name: string, slots: number, held?: string, before?: string): Promise<string> {
  const settings = ['--set', `devices.slots=${slots}`, '--set', 'execution.heartbeatLimit=null'];
  const child = startCli(runs.trainArguments(name, '--json', ...settings));
  const run = runs.runDirectory(name);
  if (held !== undefined) {
    const { pid } = await untilEvent(run, (event) => event.type === 'job-started' && event.job === held);
    process.kill(pid as number, 'SIGSTOP');
    await untilEvent(run, (event) => event.type === 'job-completed' && event.job === before);
    process.kill(pid as number, 'SIGCONT');
  }
  return JSON.parse(String((await child).stdout)).weights.sha256;
}

const ends = (name: string) =>
  readJournal(runs.runDirectory(name)).events.flatMap((event) => (event.type === 'job-completed' ? event.job : []));

it.runIf(thorough)('any number of jobs at a time and any order in which they end give the same weights', async () => {
  const one = await weightsOf('one', 1);
  expect(await weightsOf('first-late', 2, 'module-0', 'module-1')).toBe(one);
  expect(ends('first-late').slice(1, 3)).toEqual(['module-1', 'module-0']);
  expect(await weightsOf('second-late', 3, 'module-1', 'module-0')).toBe(one);
  expect(ends('second-late').slice(1, 3)).toEqual(['module-0', 'module-1']);
});
