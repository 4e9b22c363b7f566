import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { journalViolations } from '../../scripts/soak/invariants.ts';
import { loaderRemains } from '../../scripts/soak/remains.ts';
import { startCli } from '../../scripts/soak/session.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { callNumbers, thorough } from '../support/faults.ts';
import { imageRuns, loaderPid } from '../support/image-runs.ts';
import { untilEvent } from '../support/run.ts';
import type { TinyRuns } from '../support/tiny-run.ts';

let runs: TinyRuns;
beforeAll(async () => {
  runs = await imageRuns();
});
afterAll(() => runs.remove());

const weightsOf = (stdout: unknown): string => JSON.parse(String(stdout)).weights.sha256;

/** Of a run that nothing befell, with one job at a time and no loader. */
async function expectedWeights(mode: string): Promise<string> {
  const { stdout } = await startCli(
    runs.trainArguments(`expected-${mode}`, '--set', `data.sharing=${mode}`, '--set', 'devices.slots=1'),
  );
  return weightsOf(stdout);
}

/** Moments of a run: so many events after its loader was started, and so many milliseconds. */
const moments = callNumbers(16).map((number) => [number * 3, (number * 37) % 100] as const);

describe.each(['images', 'batches'])('a loader of %s that is killed', (mode) => {
  // One kill is in the tests of runs (e2e/coordinator/loader.test.ts).
  it.runIf(thorough)('at any moment changes no weight and leaves nothing', async () => {
    const expected = await expectedWeights(mode);
    for (const [events, milliseconds] of moments) {
      const name = `killed-${mode}-${events}`;
      const run = runs.runDirectory(name);
      const child = startCli(runs.trainArguments(name, '--set', `data.sharing=${mode}`));
      const loader = await loaderPid(run);
      await untilEvent(run, ({ seq }) => seq > events);
      await delay(milliseconds);
      process.kill(loader, 'SIGKILL');
      const { stdout, exitCode } = await child;
      expect([exitCode, weightsOf(stdout)]).toEqual([0, expected]);
      const journal = readJournal(run).events;
      expect(journalViolations(journal, { record: await loadRunRecord(run) })).toEqual([]);
      expect(journal.filter(({ type }) => type === 'job-failed')).toEqual([]);
      expect(loaderRemains(run)).toEqual([]);
    }
  });
});
