import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { diagnosticsSchema } from '../../src/protocol/run-schema.ts';
import { runCli } from '../support/cli.ts';
import { journalOf, killWorker, startCli } from '../support/run.ts';
import { tinyRuns } from '../support/tiny-run.ts';

const runs = tinyRuns();
afterAll(() => runs.remove());

const resultOf = async (run: string, ...path: string[]) =>
  JSON.parse(await readFile(join(runs.runDirectory(run), ...path, 'result.json'), 'utf8'));

async function eventsOfFinetuning(run: string, type: string) {
  return (await journalOf(runs.runDirectory(run))).filter((event) => event.type === type && event.job === 'finetune');
}

test('an assembly is compared with the meta model once, and the same is found after a crash', async () => {
  const whole = await runCli(runs.trainArguments('whole'));
  expect(whole.exitCode).toBe(0);
  expect(whole.stdout).toMatch(/^assembly CKA with the meta model -?\d\.\d\d; norms \d\.\d\d times its own$/m);
  const crashed = startCli(runs.trainArguments('crashed'));
  await killWorker(runs.runDirectory('crashed'), 'finetune');
  expect((await crashed).exitCode).toBe(0);

  const { diagnostics } = await resultOf('whole');
  expect(diagnosticsSchema.parse(diagnostics)).toMatchObject({ images: 16, interfaces: [{ module: 0 }] });
  expect((await resultOf('crashed')).diagnostics).toEqual(diagnostics);
  expect((await resultOf('whole', 'jobs', 'finetune')).diagnostics).toEqual(diagnostics);
  expect((await resultOf('whole', 'jobs', 'meta')).diagnostics).toBeUndefined();

  expect(await eventsOfFinetuning('crashed', 'job-started')).toHaveLength(2);
  for (const run of ['whole', 'crashed']) {
    const told = await eventsOfFinetuning(run, 'diagnosed');
    expect(told.map((event) => event.diagnostics)).toEqual([diagnostics]);
  }
  // Comparing is no step of training.
  const states = (await eventsOfFinetuning('whole', 'job-state')).map(({ state }) => state);
  expect(states).toEqual(['compiling', 'running']);
});

test('every job says the largest resident set of its process', async () => {
  for (const job of ['meta', 'module-0', 'module-1', 'finetune', 'evaluate']) {
    const { peakBytes } = await resultOf('whole', 'jobs', job);
    expect([job, peakBytes > 2 ** 25, peakBytes < 2 ** 32, Number.isInteger(peakBytes)]).toEqual([
      job,
      true,
      true,
      true,
    ]);
  }
});
