import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restoreRun } from '../../../scripts/results/archive.ts';
import { configFromOptions } from '../../../src/cli/config-options.ts';
import { readSweep } from '../../../src/config/sweep.ts';
import { planSweep } from '../../../src/coordinator/sweep.ts';

const root = join(import.meta.dirname, '../../..');
const experiments = join(root, 'configs/experiments');
const names = readdirSync(experiments, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) =>
    readdirSync(join(experiments, name)).map((file) => [name, file.replace('.yaml', '')] as const),
  );

let runs: string;
beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'incubate experiments '));
});
afterAll(() => rm(runs, { recursive: true }));

test.each(names)('the archived runs of %s/%s are those that its matrix asks for', async (recipe, name) => {
  const archive = join(root, 'docs/results', recipe, name, 'runs');
  const archived = existsSync(archive) ? readdirSync(archive) : [];
  const own = `${experiments}/${recipe}.yaml`;
  const points = await readSweep({ matrix: `${experiments}/${recipe}/${name}.yaml` });
  const asked = await Promise.all(
    points.map(async ({ label, assignments }) => {
      const options = existsSync(own) ? { config: own } : { recipe };
      const { config } = await configFromOptions(
        { ...options, engine: 'torch', data: join(process.cwd(), 'cifar10') },
        {},
        assignments,
      );
      return { name: `${name}-${label}`, config };
    }),
  );
  expect(asked.map((run) => run.name)).toEqual(expect.arrayContaining(archived));
  const directory = join(runs, recipe);
  for (const run of archived) {
    await restoreRun(join(archive, run), join(directory, run), join(process.cwd(), 'cifar10'));
  }
  // It refuses runs that have other settings.
  const planned = await planSweep(
    asked.filter((run) => archived.includes(run.name)),
    directory,
  );
  for (const run of planned) expect(run.state?.completed, run.name).toBe(true);
});
