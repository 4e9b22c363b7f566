import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { createSmallRun } from '../../fixtures/run.ts';
import { runCli } from '../../support/cli.ts';
import { holdRun } from '../../support/held-run.ts';
import { startCli, untilEvent } from '../../support/run.ts';

const program = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));
const coordinate = (run: string) => execa('node', [program, run], { reject: false });

test('without a terminal it prints a line per event and ends with the run', async () => {
  const run = await createSmallRun({ 'module-0': ['fail', 'complete'] });
  const held = await holdRun(run);
  const watcher = startCli(['status', run, '--watch']);
  const running = held.release().then(() => coordinate(run));
  const { stdout, stderr, exitCode } = await watcher;
  await running;
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const text = String(stdout);
  expect(text).not.toContain('\u001b');
  expect(text).toMatch(/^small: (running|created)/);
  expect(text).toMatch(/^\d\d:\d\d:\d\d {2}module-0 +failed: failed as told: fail; next attempt in/m);
  expect(text).toMatch(/^\d\d:\d\d:\d\d {2}evaluate +completed in/m);
  expect(text).toMatch(/\n\nsmall: completed, [\s\S]*^evaluate +completed +1 /m);
});

test.each<[string, Record<string, string[]>, number, string]>([
  ['completed', {}, 0, ''],
  ['failed', { 'module-1': ['fail-nan'] }, 1, 'code: TRAINING_JOB'],
  ['failed for its data', { meta: ['fail-data'] }, 7, 'code: DATA_IMAGE'],
])('of a run that has %s it ends as the run did', async (_, behaviour, status, code) => {
  const run = await createSmallRun(behaviour);
  await coordinate(run);
  const { stdout, stderr, exitCode } = await runCli(['status', run, '--watch', '--json']);
  expect(exitCode).toBe(status);
  expect(stderr.split('\n').at(-1)).toBe(code);
  expect(JSON.parse(stdout)).toMatchObject({ run: 'small', status: status === 0 ? 'completed' : 'failed' });
});

test.each([
  ['stopped', 'SIGINT', 'RETRY_STOPPED'],
  ['interrupted', 'SIGKILL', 'RETRY_INTERRUPTED'],
] as const)('of a run that is %s it ends with status 75', async (status, signal, code) => {
  const run = await createSmallRun({ 'module-0': ['wait'] });
  const running = coordinate(run);
  await untilEvent(run, ({ type, job }) => type === 'epoch' && job === 'module-0');
  const watcher = startCli(['status', run, '-w']);
  running.kill(signal);
  await running;
  const { stdout, stderr, exitCode } = await watcher;
  expect(exitCode).toBe(75);
  expect(String(stdout)).toContain(`small: ${status}, `);
  expect(String(stderr)).toContain(`hint: Continue with: incubate resume `);
  expect(String(stderr)).toContain(`code: ${code}`);
});

test('a run that nobody begins ends it after a while', async () => {
  const { stderr, exitCode } = await runCli(['status', await createSmallRun(), '--watch', '--json']);
  expect(exitCode).toBe(75);
  expect(stderr).toContain('code: RETRY_INTERRUPTED');
});

test('a journal that is damaged meanwhile ends it with status 6', async () => {
  const run = await createSmallRun();
  const held = await holdRun(run);
  const watcher = startCli(['status', run, '--watch']);
  watcher.stdout?.once('data', () => appendFileSync(`${run}/journal.ndjson`, 'rubbish\n'));
  const { stderr, exitCode } = await watcher;
  await held.release();
  expect(exitCode).toBe(6);
  expect(stderr).toContain('damaged at line 2');
});

test('--watch without a run is wrong usage', async () => {
  const { stdout, stderr, exitCode } = await runCli(['status', '--watch']);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(stderr).toContain('code: USAGE_ARGUMENT');
});

const hasScript = (await execa('script', ['--version'], { reject: false })).exitCode === 0;

test.skipIf(!hasScript)('on a terminal it redraws the table (needs util-linux’ script)', async () => {
  const run = await createSmallRun({ 'module-0': ['wait', 'complete'] });
  const running = coordinate(run);
  await untilEvent(run, ({ type, job }) => type === 'epoch' && job === 'module-0');
  const command = `stty rows 20 cols 60; node bin/incubate.js status '${run}' --watch`;
  const watcher = execa('script', ['-qec', command, '/dev/null'], {
    env: { TERM: 'xterm', CI: '' },
    reject: false,
    stdin: 'ignore',
  });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  running.kill('SIGINT');
  await running;
  const { stdout, exitCode } = await watcher;
  expect(exitCode).toBe(75);
  expect(stdout).toContain('\u001b[');
  const text = stripVTControlCharacters(stdout);
  expect(text).toMatch(/module-0 +running/);
  expect(text).toMatch(/module-0 +stopped/);
  const drawn = text.slice(0, text.indexOf('error: '));
  expect(Math.max(...drawn.split(/\r?\n/).map((line) => line.length))).toBeLessThan(60);
});
