import { appendFileSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { createSmallRun } from '../../fixtures/run.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { holdRun } from '../../support/held-run.ts';
import { startCli, untilEvent } from '../../support/run.ts';

const coordinator = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));

let completed: string;
beforeAll(async () => {
  completed = await createSmallRun({ 'module-1': ['fail', 'complete'] });
  await execa('node', [coordinator, completed]);
}, 120_000);

const logPath = (run: string, job: string) => join(run, 'jobs', job, 'log.txt');

/** A follower, and what it has printed so far. */
function follow(...args: string[]) {
  const follower = startCli(['logs', ...args, '-f']);
  let text = '';
  follower.stdout?.on('data', (bytes: Buffer) => {
    text += bytes.toString('utf8');
  });
  const until = async (part: string) => {
    for (const deadline = Date.now() + 30_000; !text.includes(part); await delay(20)) {
      if (Date.now() > deadline) throw new Error(`${JSON.stringify(text)} lacks ${JSON.stringify(part)}`);
    }
  };
  return { follower, until, text: () => text };
}

describe('incubate logs', () => {
  test('prints the log of a job over all its attempts, byte for byte', async () => {
    const { stdout, stderr, exitCode } = await runCli(['logs', completed, 'module-1']);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: 'module-1: fail\nmodule-1: complete',
      stderr: '',
      exitCode: 0,
    });
    appendFileSync(logPath(completed, 'meta'), Buffer.from([0xff, 0x00, 0x41]));
    const { stdout: bytes } = await execa('node', ['bin/incubate.js', 'logs', completed, 'meta'], {
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    expect(Buffer.from(bytes)).toEqual(readFileSync(logPath(completed, 'meta')));
  });

  test('prints all logs with the job before each line, and the last lines of each with -n', async () => {
    const { stdout } = await runCli(['logs', 'small', '--runs-dir', dirname(completed), '-n', '1']);
    expect(stdout.split('\n').filter((line) => !line.startsWith('meta'))).toEqual([
      'module-0 | module-0: complete',
      'module-1 | module-1: complete',
      'finetune | finetune: complete',
      'evaluate | evaluate: complete',
    ]);
    const nothing = await runCli(['logs', completed, '--lines', '0']);
    expect(nothing).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  test('finds the last lines of a large log at its end', async () => {
    const run = await createSmallRun();
    const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index} ${'é'.repeat(index % 40)}\n`);
    writeFileSync(logPath(run, 'meta'), lines.join(''));
    for (const count of [1, 7, 2_345, 40_000]) {
      const { stdout } = await callCli(['logs', run, 'meta', '-n', String(count)]);
      expect(`${stdout}\n`).toBe(lines.slice(-count).join(''));
    }
  });

  test('says when there is nothing, and which jobs there are', async () => {
    const run = await createSmallRun();
    expect(await callCli(['logs', run, 'meta'])).toEqual({
      stdout: '',
      stderr: 'nothing was logged by meta',
      exitCode: 0,
    });
    const wrong = await callCli(['logs', run, 'modul-1']);
    expect(wrong).toMatchObject({ stdout: '', exitCode: 2 });
    expect(wrong.stderr).toMatch(/^error: .*no job 'modul-1'\nhint: Did you mean 'module-1'\?.*\ncode: USAGE_JOB$/);
    expect(await callCli(['logs', run, '-n', '-1'])).toMatchObject({ stdout: '', exitCode: 2 });
    expect(await callCli(['logs', 'nonsense', '--runs-dir', dirname(run)])).toMatchObject({ stdout: '', exitCode: 2 });
  });

  test('ends with status 141 where its reader has seen enough', async () => {
    const run = await createSmallRun();
    writeFileSync(logPath(run, 'meta'), 'a line\n'.repeat(200_000));
    const command = 'node bin/incubate.js logs "$0" meta | head -n 1; echo $PIPESTATUS';
    expect((await execa('bash', ['-c', command, run])).stdout).toBe('a line\n141');
  });
});

describe('incubate logs -f', () => {
  test('follows whole lines through truncation until nobody works on the run', async () => {
    const run = await createSmallRun();
    const log = logPath(run, 'meta');
    const held = await holdRun(run);
    const { follower, until, text } = follow(run, 'meta');
    await delay(500);
    appendFileSync(log, 'first\nsecond ');
    await until('first\n');
    const character = Buffer.from('🐣');
    appendFileSync(log, character.subarray(0, 2));
    await delay(500);
    expect(text()).toBe('first\n');
    appendFileSync(log, Buffer.concat([character.subarray(2), Buffer.from('\n')]));
    await until('second 🐣\n');
    truncateSync(log, 0);
    appendFileSync(log, 'anew\n');
    await until('anew\n');
    // Another file in its place, as a resumed job may have.
    mkdirSync(dirname(log), { recursive: true });
    renameSync(log, `${log}.old`);
    await delay(500);
    writeFileSync(log, 'a\n');
    await until('anew\na\n');
    appendFileSync(log, 'last words without an end');
    appendFileSync(join(run, 'journal.ndjson'), sessionStarted());
    await held.release();
    expect((await follower).exitCode).toBe(0);
    expect(text()).toBe('first\nsecond 🐣\nanew\na\nlast words without an end');
  });

  test('works beside a coordinator, and ends after that was killed', async () => {
    const run = await createSmallRun({ 'module-0': ['wait'] });
    const running = execa('node', [coordinator, run], { reject: false });
    const { follower, until } = follow(run);
    await until('module-0 | module-0: wait\n');
    await untilEvent(run, ({ type, job }) => type === 'epoch' && job === 'module-0');
    running.kill('SIGKILL');
    await running;
    expect(await follower).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('ends at once for a run that has ended, and soon for one that nobody begins', async () => {
    const { follower, text } = follow(completed, 'module-1', '-n', '1');
    expect((await follower).exitCode).toBe(0);
    expect(text()).toBe('module-1: complete\n');
    const begun = performance.now();
    expect(await runCli(['logs', await createSmallRun(), '-f'])).toMatchObject({ stdout: '', exitCode: 0 });
    expect(performance.now() - begun).toBeGreaterThan(4_000);
  });
});

function sessionStarted(): string {
  return `${JSON.stringify({ seq: 2, time: new Date().toISOString(), type: 'session-started', pid: 1 })}\n`;
}
