import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { createSmallRun } from '../../fixtures/run.ts';
import { runCli } from '../../support/cli.ts';

const coordinator = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));

let completed: string;
let failed: string;
beforeAll(async () => {
  completed = await createSmallRun();
  failed = await createSmallRun({ 'module-1': ['fail-nan'] });
  await execa('node', [coordinator, completed]);
  await execa('node', [coordinator, failed], { reject: false });
}, 120_000);

describe('incubate status', () => {
  test('shows the jobs of a run and why one failed', async () => {
    const { stdout, exitCode } = await runCli(['status', failed]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^small: failed, /);
    expect(stdout).toMatch(/^module-0 +completed +1 +1\/1 +2\.0000 +50\.00%$/m);
    expect(stdout).toMatch(/^finetune +pending$/m);
    expect(stdout).toMatch(/^module-1: failed as told: fail-nan$/m);
  });

  test('prints one JSON document', async () => {
    const { stdout } = await runCli(['status', 'small', '--runs-dir', dirname(completed), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      run: 'small',
      status: 'completed',
      jobs: ['meta', 'module-0', 'module-1', 'finetune', 'evaluate'].map((id) => ({ id, status: 'completed' })),
    });
  });

  test('lists the runs, also those that cannot be read', async () => {
    const runDirectory = await createSmallRun();
    mkdirSync(join(dirname(runDirectory), 'no run'));
    const list = async () => (await runCli(['status', '--runs-dir', dirname(runDirectory)])).stdout;
    expect(await list()).toMatch(/^run +status +jobs +last event\nsmall +created +0\/5 +\d{4}-.*Z$/);
    rmSync(join(runDirectory, 'journal.ndjson'));
    expect(await list()).toMatch(/^small +unreadable$/m);
  });
});

describe('incubate resume', () => {
  test('of a completed run prints its result again, as one JSON document or a table', async () => {
    const { stdout, exitCode } = await runCli(['resume', completed, '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(completed, 'result.json'), 'utf8')));
    const table = await runCli(['resume', completed]);
    expect(table.stdout).toContain(`weights  ${join(completed, 'jobs/finetune/weights.bin')}`);
  });

  test('refuses what is no run, with status 2 and an empty standard output', async () => {
    expect(await runCli(['resume', 'smal', '--runs-dir', dirname(completed), '--json'])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining("Did you mean 'small'?"),
    });
  });

  test.each([
    [['training.batchSize=32'], 'training.batchSize: 2048 → 32', 'A run keeps what decides on its outcome'],
    [['execution.retries=7'], 'execution.retries: 1 → 7', 'add --force'],
    [['devices.threads=1', 'devices.slots=3', '--force'], 'devices.slots: null → 3', 'devices.threads. Leave that'],
  ])('refuses other settings, naming them with both values: %j', async (settings, change, hint) => {
    const more = settings.flatMap((setting) => (setting.startsWith('--') ? [setting] : ['--set', setting]));
    const journal = readFileSync(join(failed, 'journal.ndjson'), 'utf8');
    const { exitCode, stdout, stderr } = await runCli(['resume', failed, ...more]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toContain(`\n  ${change}\n`);
    expect(stderr).toContain(hint);
    expect(stderr).toContain('code: CONFIG_CHANGED');
    expect(readFileSync(join(failed, 'journal.ndjson'), 'utf8')).toBe(journal);
  });

  test('takes settings that are as the run has them', async () => {
    const { exitCode } = await runCli(['resume', completed, '--set', 'training.batchSize=2048']);
    expect(exitCode).toBe(0);
  });

  test('refuses a job that there is none of, with the nearest', async () => {
    expect(await runCli(['resume', failed, '--only', 'module-7'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("Did you mean 'module-"),
    });
  });

  test('refuses data that has changed, with status 7, and runs nothing', async () => {
    const journal = readFileSync(join(failed, 'journal.ndjson'), 'utf8');
    expect(await runCli(['resume', failed])).toMatchObject({ exitCode: 7, stdout: '' });
    expect(readFileSync(join(failed, 'journal.ndjson'), 'utf8')).toBe(journal);
  });

  test('refuses a damaged journal with status 6, naming the line', async () => {
    const runDirectory = await createSmallRun();
    appendFileSync(join(runDirectory, 'journal.ndjson'), 'rubbish\n');
    expect(await runCli(['resume', runDirectory])).toMatchObject({
      exitCode: 6,
      stderr: expect.stringContaining('damaged at line 2'),
    });
  });
});

describe('incubate train', () => {
  test('refuses a name that is in use or impossible, with status 2', async () => {
    const runs = ['--runs-dir', dirname(completed)];
    expect(await runCli(['train', '--run', 'small', ...runs])).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await runCli(['train', '--run', '../x', ...runs])).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('creates no run when anything is wrong with the configuration', async () => {
    const runs = join(dirname(completed), 'new');
    const train = (...more: string[]) => runCli(['train', '--runs-dir', runs, ...more]);
    expect(await train('--set', 'division.modules=1000')).toMatchObject({ exitCode: 3 });
    expect(await train('--set', 'devices.gpus=[99]')).toMatchObject({ exitCode: 4 });
    expect((await runCli(['status', '--runs-dir', runs])).stdout).toBe(`no runs in ${runs}`);
  });
});
