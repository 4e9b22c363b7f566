import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restoreRun } from '../../../scripts/results/archive.ts';
import { experiments, runsIn } from '../../../scripts/results/experiments.ts';
import { configFromOptions } from '../../../src/cli/config-options.ts';
import { readSweep } from '../../../src/config/sweep.ts';
import { planSweep } from '../../../src/coordinator/sweep.ts';

const data = resolve('cifar10');
let runs: string;
beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'incubate experiments '));
});
afterAll(() => rm(runs, { recursive: true }));

test('there are experiments with archived runs', () => {
  expect(experiments.filter(({ archive }) => runsIn(archive).length > 0).length).toBeGreaterThan(5);
});

test.each(experiments)('the archived runs of $id are those that its matrix asks for', async (experiment) => {
  const { id, name, config: recipe, matrix, archive } = experiment;
  const archived = runsIn(archive);
  const asked = await Promise.all(
    (await readSweep({ matrix })).map(async ({ label, assignments }) => {
      const { config } = await configFromOptions({ config: recipe, engine: 'torch', data }, {}, assignments);
      return { name: `${name}-${label}`, config };
    }),
  );
  expect(asked.map((run) => run.name)).toEqual(expect.arrayContaining(archived));
  const directory = join(runs, id);
  for (const run of archived) await restoreRun(join(archive, run), join(directory, run), data);
  // It refuses runs that have other settings.
  const planned = await planSweep(
    asked.filter((run) => archived.includes(run.name)),
    directory,
  );
  for (const run of planned) expect(run.state?.completed, run.name).toBe(true);
});
