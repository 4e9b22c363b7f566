/*
 * `npm run reproduce -- vit24/methods path/to/cifar10 [options of incubate sweep]`: an experiment of configs/experiments, a sweep
 * over its matrix. Runs that docs/results has are not made again, and those that end are added to it, so that an experiment
 * may take several sessions and machines. It is Ctrl-C that ends a session early.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { readResultFile } from '../../src/coordinator/run-result.ts';
import { archiveRun, restoreRun } from './archive.ts';
import { experiments, runsIn } from './experiments.ts';

const [id = '', data, ...options] = process.argv.slice(2);
const experiment = experiments.find((known) => known.id === id);
if (experiment === undefined || data === undefined) {
  const ids = experiments.map((known) => known.id).join(', ');
  throw new Error(`usage: npm run reproduce -- EXPERIMENT DATA [options of incubate sweep]; one of ${ids}`);
}
const { name, config, matrix, archive } = experiment;
const runsDirectory = join('runs', 'experiments', id);

for (const run of runsIn(archive)) {
  if (!existsSync(join(runsDirectory, run))) {
    await restoreRun(join(archive, run), join(runsDirectory, run), resolve(data));
  }
}
// Ctrl-C reaches the sweep too, which ends its run; this goes on behind it.
process.on('SIGINT', () => undefined);
const { exitCode } = await execa(
  process.execPath,
  [
    join('bin', 'incubate.js'),
    'sweep',
    ...['--name', name, '--config', config, '--matrix', matrix],
    ...['--data', data, '--runs-dir', runsDirectory],
    ...options,
  ],
  { stdio: 'inherit', reject: false },
);
for (const run of runsIn(runsDirectory)) {
  const isNew = !existsSync(join(archive, run));
  if (isNew && (await readResultFile(join(runsDirectory, run)))) {
    await archiveRun(join(runsDirectory, run), join(archive, run));
    console.log(`archived as ${join(archive, run)}`);
  }
}
process.exitCode = exitCode ?? 1;
