import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSmallRun, temporaryDirectory } from '../../fixtures/run.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { holdRun } from '../../support/held-run.ts';

const program = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));
const launcher = fileURLToPath(new URL('../../../bin/incubate.js', import.meta.url));

let complete: string;
let failed: string;
beforeAll(async () => {
  complete = await createSmallRun();
  failed = await createSmallRun({ 'module-1': ['fail-nan'] });
  await Promise.all([complete, failed].map((run) => execa('node', [program, run], { reject: false })));
  for (const run of [complete, failed]) {
    addCheckpoint(run, 'meta', 1000);
    addCheckpoint(run, 'module-1', 234);
  }
}, 120_000);

/** A runs directory with a complete run `done`, and one, `broken`, that failed. */
let runs: string;
beforeEach(async () => {
  runs = temporaryDirectory();
  await cp(complete, join(runs, 'done'), { recursive: true });
  await cp(failed, join(runs, 'broken'), { recursive: true });
});

function addCheckpoint(run: string, job: string, bytes: number): void {
  const directory = join(run, 'jobs', job, 'checkpoints/step-00000001');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'parameters.safetensors'), Buffer.alloc(bytes));
}

const clean = (...args: string[]) => callCli(['clean', '--runs-dir', runs, ...args]);
const checkpoints = (run: string, job: string) => join(runs, run, 'jobs', job, 'checkpoints');

describe('without --yes nothing is removed', () => {
  test.each([[[]], [['--dry-run']], [['done']], [['done', '--dry-run']]])('clean %j', async (args) => {
    const { stdout, stderr, exitCode } = await clean(...args);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.split('\n')).toEqual([
      'run          what     size',
      'done  checkpoints  1.2 KiB',
      '',
      '1.2 KiB (1234 bytes) would be removed; --yes removes them',
    ]);
    expect(existsSync(checkpoints('done', 'meta'))).toBe(true);
  });

  test('also with --json', async () => {
    const document = { removed: false, runs: [{ run: 'done', what: 'checkpoints', bytes: 1234 }], bytes: 1234 };
    expect(JSON.parse((await clean('--json')).stdout)).toEqual(document);
    expect(existsSync(checkpoints('done', 'meta'))).toBe(true);
  });
});

test('--yes removes the checkpoints of completed runs; they stay complete, with weights and result', async () => {
  const { stdout, exitCode } = await clean('--yes');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('1.2 KiB (1234 bytes) removed');
  expect(readdirSync(join(runs, 'done/jobs/meta')).sort()).toEqual(
    ['attempts', 'log.txt', 'result.json', 'spec.json', 'weights.bin'].sort(),
  );
  expect(existsSync(checkpoints('broken', 'meta'))).toBe(true);
  const resumed = await runCli(['resume', join(runs, 'done'), '--json']);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ status: 'completed' });
  expect((await clean('--yes')).stdout).toBe('there is nothing to remove');
});

test('--all removes completed runs, and others where they are named; the rest stays', async () => {
  const first = await clean('--all', '--yes', '--json');
  expect(JSON.parse(first.stdout)).toMatchObject({ removed: true, runs: [{ run: 'done', what: 'run' }] });
  expect(readdirSync(runs)).toEqual(['broken']);
  writeFileSync(join(runs, 'broken/run.json'), 'damaged');
  expect(await clean('--all', '--yes', 'broken')).toMatchObject({ exitCode: 0 });
  expect(readdirSync(runs)).toEqual([]);
});

test.each<[string, string[], number, string]>([
  ['a run that is not complete', ['done', 'broken'], 2, 'USAGE_RUN_UNFINISHED'],
  ['a run that there is not', ['done', 'nonsense'], 2, 'USAGE_RUN'],
  ['--yes with --dry-run', ['done', '--dry-run'], 2, 'USAGE_OPTION'],
])('refuses %s, and removes nothing', async (_, args, status, code) => {
  const { stdout, stderr, exitCode } = await clean('--yes', ...args);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
  expect(stderr).toMatch(new RegExp(`\ncode: ${code}$`));
  expect(existsSync(checkpoints('done', 'meta'))).toBe(true);
});

test('refuses a run that somebody works on with status 5, and passes over it where none is named', async () => {
  const held = await holdRun(join(runs, 'done'));
  for (const options of [['--yes'], ['--all', '--yes'], ['--dry-run']]) {
    const { stdout, stderr, exitCode } = await clean('done', ...options);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 5 });
    expect(stderr).toContain(`in use by process ${held.pid}`);
  }
  expect((await clean('--all', '--yes')).stdout).toBe('there is nothing to remove');
  await held.release();
  expect(await clean('done', '--yes')).toMatchObject({ exitCode: 0 });
  expect(existsSync(checkpoints('done', 'meta'))).toBe(false);
});

describe('nothing behind a symbolic link is removed', () => {
  test('where the run is one', async () => {
    const elsewhere = join(temporaryDirectory(), 'done');
    renameSync(join(runs, 'done'), elsewhere);
    symlinkSync(elsewhere, join(runs, 'done'));
    for (const options of [[], ['--all']]) {
      const { stderr, exitCode } = await clean('done', '--yes', ...options);
      expect(exitCode).toBe(2);
      expect(stderr).toContain('code: USAGE_RUN_LINK');
      expect((await clean('--yes', ...options)).stdout).toBe('there is nothing to remove');
    }
    expect(existsSync(join(elsewhere, 'jobs/meta/checkpoints/step-00000001/parameters.safetensors'))).toBe(true);
  });

  test.each(['jobs', 'jobs/meta', 'jobs/meta/checkpoints', 'jobs/meta/checkpoints/step-00000001'])(
    'where %s is one',
    async (path) => {
      const elsewhere = join(temporaryDirectory(), basename(path));
      renameSync(join(runs, 'done', path), elsewhere);
      symlinkSync(elsewhere, join(runs, 'done', path));
      expect(await clean('done', '--yes')).toMatchObject({ exitCode: 0 });
      expect(await clean('done', '--all', '--yes')).toMatchObject({ exitCode: 0 });
      expect(existsSync(join(runs, 'done'))).toBe(false);
      const below = 'jobs/meta/checkpoints/step-00000001/parameters.safetensors'.slice(path.length);
      expect(lstatSync(join(elsewhere, below)).size).toBe(1000);
    },
  );
});

test('what an interrupted removal left is removed by the next', async () => {
  mkdirSync(join(runs, '.removing-x/jobs'), { recursive: true });
  await clean('--yes');
  expect(readdirSync(runs).sort()).toEqual(['broken', 'done']);
});

test('a runs directory may itself be reached by a link, and need not be there', async () => {
  const link = join(temporaryDirectory(), 'runs 🐣');
  symlinkSync(runs, link);
  expect((await runCli(['clean', '--runs-dir', link, '--yes'])).stdout).toContain('1234 bytes');
  expect(await runCli(['clean', '--runs-dir', join(link, 'nothing')])).toMatchObject({ exitCode: 0 });
});

const hasScript = (await execa('script', ['--version'], { reject: false })).exitCode === 0;

test.skipIf(!hasScript).each([
  ['n', true],
  ['y', false],
])('on a terminal it asks, and %s is an answer (needs util-linux’ script)', async (answer, remains) => {
  const command = `'${process.execPath}' '${launcher}' clean --runs-dir '${runs}'`;
  const asked = execa('script', ['-qec', command, '/dev/null'], { stdin: 'pipe', reject: false, timeout: 30_000 });
  asked.stdout.once('data', () => asked.stdin.write(`${answer}\r`));
  const { stdout, exitCode } = await asked;
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Remove this? [y/N]');
  expect(existsSync(checkpoints('done', 'meta'))).toBe(remains);
  expect(dirname(checkpoints('done', 'meta'))).toContain('done');
});
