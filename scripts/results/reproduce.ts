/*
 * `npm run reproduce -- vit24/methods path/to/cifar10 [options of incubate sweep]`: an experiment of configs/experiments, a sweep
 * over its matrix. Runs that docs/results has are not made again, and those that end are added to it, so that an experiment
 * may take several sessions and machines. It is Ctrl-C that ends a session early.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { readResultFile } from '../../src/coordinator/run-result.ts';
import { archiveRun, restoreRun } from './archive.ts';

const experiments = join('configs', 'experiments');
const names = readdirSync(experiments, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(join(experiments, name)).map((file) => `${name}/${file.replace(/\.yaml$/, '')}`));

const [experiment = '', data, ...options] = process.argv.slice(2);
if (!names.includes(experiment) || data === undefined) {
  throw new Error(
    `usage: npm run reproduce -- EXPERIMENT DATA [options of incubate sweep]; one of ${names.join(', ')}`,
  );
}
const recipe = `${dirname(experiment)}.yaml`;
const own = join(experiments, recipe);
const runsDirectory = join('runs', 'experiments', experiment);
const archive = join('docs', 'results', experiment, 'runs');

for (const name of runsIn(archive)) {
  if (!existsSync(join(runsDirectory, name))) {
    await restoreRun(join(archive, name), join(runsDirectory, name), resolve(data));
  }
}
// Ctrl-C reaches the sweep too, which ends its run; this goes on behind it.
process.on('SIGINT', () => undefined);
const { exitCode } = await execa(
  process.execPath,
  [
    join('bin', 'incubate.js'),
    'sweep',
    ...['--name', experiment.slice(experiment.indexOf('/') + 1)],
    ...['--config', existsSync(own) ? own : join('configs', recipe)],
    ...['--matrix', `${join(experiments, experiment)}.yaml`],
    ...['--data', data, '--runs-dir', runsDirectory],
    ...options,
  ],
  { stdio: 'inherit', reject: false },
);
for (const name of runsIn(runsDirectory)) {
  const isNew = !existsSync(join(archive, name));
  if (isNew && (await readResultFile(join(runsDirectory, name)))) {
    await archiveRun(join(runsDirectory, name), join(archive, name));
    console.log(`archived as ${join(archive, name)}`);
  }
}
process.exitCode = exitCode ?? 1;

function runsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => existsSync(join(directory, name, 'run.json')));
}
