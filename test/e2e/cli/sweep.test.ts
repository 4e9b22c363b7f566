import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { archiveRun, restoreRun } from '../../../scripts/results/archive.ts';
import { tinyRecipe } from '../../../scripts/soak/recipe.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { comparisonDocument, sweepDocument } from '../../support/json-documents.ts';
import { journalOf, startCli, untilEvent } from '../../support/run.ts';

let folder: string;
let runs: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate sweep 🐣 '));
  runs = join(folder, 'runs');
  config = join(folder, 'tiny recipe.yaml');
  await writeFile(config, tinyRecipe);
});
afterAll(() => rm(folder, { recursive: true }));

const sweepArguments = (...more: string[]) => ['sweep', '--config', config, '--runs-dir', runs, ...more];
const sweep = (...more: string[]) => runCli(sweepArguments(...more), { cwd: folder });
/** Where there is nothing to train. */
const ask = (...more: string[]) => callCli(sweepArguments(...more), { cwd: folder });

/** Three runs, of which one has modules. */
const matrix = `
run:
  first: { method: { name: e2e }, phases: { train: { epochs: 2 } }, data: { shapes: { train: 64 } } }
  divided: { data: { shapes: { train: 80 } } }
  last: { method: { name: e2e }, phases: { train: { epochs: 2 } }, data: { shapes: { train: 96 } } }
seed: [1]
`;

/** A data set of which 64 images are too few for one of the runs' batches. */
const tooFew = ['--vary', 'training.batchSize=16,128', '--vary', 'seed=1'];

test('a sweep that is stopped goes on where it was, and does nothing once it is done', async () => {
  const args = ['--name', 'tiny', '--matrix', join(folder, 'matrix.yaml')];
  const names = ['first', 'divided', 'last'].map((run) => `tiny-run=${run}-seed=1`);
  await writeFile(join(folder, 'matrix.yaml'), matrix);

  const planned = sweepDocument.parse(JSON.parse((await ask(...args, '--dry-run', '--json')).stdout));
  expect(planned.status).toBe('planned');
  expect(planned.runs.map(({ run, status }) => [run, status])).toEqual(names.map((name) => [name, 'new']));
  expect(planned.runs[0]?.settings).toEqual({
    'method.name': 'e2e',
    'phases.train.epochs': 2,
    'data.shapes.train': 64,
    seed: 1,
  });
  expect(await readdir(folder)).not.toContain('runs');

  const begun = startCli(sweepArguments(...args, '--json'));
  await untilEvent(join(runs, names[1] as string), ({ type }) => type === 'checkpoint');
  begun.kill('SIGINT');
  const { stdout, stderr, exitCode } = await begun;
  expect(exitCode).toBe(130);
  expect(String(stderr)).toContain('The same command goes on');
  const stopped = sweepDocument.parse(JSON.parse(String(stdout)));
  expect(stopped).toMatchObject({ status: 'stopped', signal: 'SIGINT' });
  expect(stopped.runs.map(({ status }) => status)).toEqual(['completed', 'stopped', 'new']);

  const first = await readFile(join(runs, names[0] as string, 'journal.ndjson'), 'utf8');
  const resumed = await sweep(...args);
  expect(resumed.exitCode).toBe(0);
  expect(resumed.stderr).toContain('[2/3] tiny-run=divided-seed=1');
  expect(resumed.stderr).not.toContain('[1/3]');
  // The comparison of its rows.
  expect(resumed.stdout.split('\n')[1]).toMatch(/^e2e +vit-tiny +shapes 100% shapes.train=64 +1 +\d+\.\d\d%/);
  expect(await readFile(join(runs, names[0] as string, 'journal.ndjson'), 'utf8')).toBe(first);
  const sessions = (await journalOf(join(runs, names[1] as string))).filter(({ type }) => type === 'session-started');
  expect(sessions).toHaveLength(2);

  const again = await ask(...args);
  expect({ exitCode: again.exitCode, stderr: again.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(again.stdout).toBe(resumed.stdout);

  // Small copies of the runs stand for them on another machine.
  const elsewhere = join(folder, 'runs elsewhere');
  for (const name of names) {
    await archiveRun(join(runs, name), join(folder, 'archive', name));
    expect((await readdir(join(folder, 'archive', name))).sort()).toEqual([
      'journal.ndjson',
      'result.json',
      'run.json',
    ]);
    await restoreRun(join(folder, 'archive', name), join(elsewhere, name), 'shapes');
  }
  const restored = await callCli(['sweep', '--config', config, '--runs-dir', elsewhere, ...args], { cwd: folder });
  expect(restored).toMatchObject({ exitCode: 0, stderr: '', stdout: resumed.stdout });

  const compared = await callCli(['compare', ...names, '--runs-dir', runs, '--json']);
  const { rows } = comparisonDocument.parse(JSON.parse(compared.stdout));
  expect(rows.map(({ n, data }) => [n, data])).toEqual(
    [64, 80, 96].map((images) => [1, `shapes 100% shapes.train=${images}`]),
  );
  for (const { figures } of rows) {
    expect(figures.peakBytes?.mean).toBeGreaterThan(2 ** 25);
    expect(figures.deviceHours?.mean).toBeGreaterThan(0);
  }
  expect(rows.map(({ interfaces }) => interfaces?.map(({ module }) => module))).toEqual([undefined, [0], undefined]);
  expect(rows[1]?.interfaces?.[0]?.normRatio.mean).toBeGreaterThan(0);

  const other = await ask(...args, '--set', 'training.mixup=0.5');
  expect({ stdout: other.stdout, exitCode: other.exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(other.stderr).toContain('training.mixup: 0.2 → 0.5');
  const harmless = await ask(...args, '--retries', '7', '--dry-run', '--json');
  expect(JSON.parse(harmless.stdout).runs.map(({ status }: { status: string }) => status)).toEqual(
    Array(3).fill('completed'),
  );
});

test('a signal ends a sweep also where it meets the last job of a run, which has no more to save', async () => {
  const begun = startCli(sweepArguments('--name', 'bad', ...tooFew, '--json'));
  const [first, second] = ['bad-training.batchSize=16-seed=1', 'bad-training.batchSize=128-seed=1'] as const;
  await untilEvent(join(runs, first), (event) => event.type === 'job-started' && event.job === 'evaluate');
  begun.kill('SIGINT');
  const { stdout, exitCode } = await begun;
  expect(exitCode).toBe(130);
  const { status, runs: swept } = sweepDocument.parse(JSON.parse(String(stdout)));
  expect(status).toBe('stopped');
  expect(swept[1]).toMatchObject({ run: second, status: 'new' });
  expect(await readdir(runs)).not.toContain(second);
});

test('a run that fails keeps no other from being tried, and the sweep says so', async () => {
  const { stdout, stderr, exitCode } = await sweep('--name', 'bad', ...tooFew, '--json');
  expect(exitCode).toBe(1);
  const document = sweepDocument.parse(JSON.parse(stdout));
  expect(document.status).toBe('failed');
  expect(document.runs.map(({ status }) => status)).toEqual(['completed', 'failed']);
  expect(document.runs[1]?.error?.code).toBe('DATA_TOO_FEW');
  expect(stderr).toContain('1 of 2 runs failed');
  expect(stderr).toContain('code: TRAINING_SWEEP');
  const text = await sweep('--name', 'bad', ...tooFew);
  expect(text.exitCode).toBe(1);
  expect(text.stdout).toMatch(/bad-training.batchSize=128-seed=1 +failed/);
  expect(text.stdout).toMatch(/^incubation +vit-tiny +1 +/m);
});

describe('sweep refuses, and creates nothing', () => {
  it.each<[string, string[], number, string, string]>([
    ['nothing that varies', [], 2, 'USAGE_SWEEP', '--vary seed=0,1,2'],
    ['two runs of one name', ['--vary', 'data.trainLimit=50,50%'], 2, 'USAGE_SWEEP', 'two runs would be named'],
    ['an unknown setting', ['--vary', 'sead=1'], 3, 'CONFIG_KEY', "'seed'"],
    ['a combination that cannot be', ['--vary', 'division.modules=2,5'], 3, 'CONFIG_DIVISION', '5 modules'],
    ['a name that cannot be', ['--vary', 'seed=1', '--name', '../x'], 2, 'USAGE_RUN_NAME', '../x'],
    ['a matrix that is not there', ['--matrix', 'nope.yaml'], 3, 'CONFIG_FILE', 'nope.yaml'],
    ['data that are not there', ['--vary', 'seed=1', '--data', 'nope'], 7, 'DATA_FOLDER', 'nope'],
  ])('%s', async (_, args, status, code, part) => {
    const { stdout, stderr, exitCode } = await callCli(
      ['sweep', '--config', config, '--runs-dir', join(folder, 'none'), '--json', ...args],
      { cwd: folder },
    );
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr).toContain(`code: ${code}`);
    expect(stderr).toContain(part);
    expect(await readdir(folder)).not.toContain('none');
  });
});
