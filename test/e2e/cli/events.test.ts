import { appendFile, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventLineSchema } from '../../../src/protocol/event-line.ts';
import { runCli } from '../../support/cli.ts';
import { journalOf, startCli, untilEvent } from '../../support/run.ts';
import { smallTraining } from '../../support/small-training.ts';

const launcher = join(import.meta.dirname, '../../../bin/incubate.js');

let folder: string;
let args: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate events 🐣 '));
  args = ['--config', await smallTraining(folder, 40), '--runs-dir', join(folder, 'runs')];
});
afterAll(() => rm(folder, { recursive: true }));

const run = (name: string) => join(folder, 'runs', name);
const journal = (name: string) => readFile(join(run(name), 'journal.ndjson'), 'utf8');

/** The lines of a stream of events without those of progress, and how many of those there were. */
function split(stdout: string): { readonly events: string; readonly progress: number } {
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) eventLineSchema.parse(JSON.parse(line));
  const events = lines.filter((line) => JSON.parse(line).type !== 'progress');
  return { events: `${events.join('\n')}\n`, progress: lines.length - events.length };
}

test('train --events prints the journal and progress on stdout, and progress for people on stderr', async () => {
  const { stdout, stderr, exitCode } = await runCli(['train', ...args, '--run', 'whole', '--events']);
  expect(exitCode).toBe(0);
  const { events, progress } = split(stdout);
  expect(events).toBe(await journal('whole'));
  expect(progress).toBeGreaterThan(0);
  expect(stderr).toMatch(/^\d\d:\d\d:\d\d {2}meta +epoch 1\/40 /m);
  const again = await runCli(['resume', run('whole'), '--events']);
  expect(again).toEqual({ stdout: (await journal('whole')).trimEnd(), stderr: '', exitCode: 0 });
});

test('a reader that goes, a signal and the end: the stream of each session is the journal from its start', async () => {
  const command = '"$0" "$@" --events 2>/dev/null | head -n 1; echo $PIPESTATUS';
  const { stdout } = await execa('bash', ['-c', command, process.execPath, launcher, 'train', ...args, '--run', 'cut']);
  const [first, status] = stdout.split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject({ seq: 1, type: 'run-created', name: 'cut' });
  expect(status).toBe('141');

  const stopped = startCli(['resume', run('cut'), '--events']);
  const since = (await journalOf(run('cut'))).length;
  await untilEvent(run('cut'), ({ type, seq }) => type === 'checkpoint' && seq > since);
  stopped.kill('SIGINT');
  const { stdout: until, exitCode } = await stopped;
  expect(exitCode).toBe(130);
  expect(split(String(until)).events).toBe(await journal('cut'));
  expect(JSON.parse(String(until).split('\n').at(-1) ?? '')).toMatchObject({
    type: 'session-ended',
    outcome: 'stopped',
    signal: 'SIGINT',
  });

  const { stdout: rest, exitCode: end } = await runCli(['resume', run('cut'), '--events']);
  expect(end).toBe(0);
  expect(split(rest).events).toBe(await journal('cut'));
  expect(JSON.parse(rest.split('\n').at(-1) ?? '')).toMatchObject({ type: 'session-ended', outcome: 'completed' });
});

test('a run that fails ends its stream with that, and its error is on stderr', async () => {
  const lr = '--set=phases.incubate.lr=1e30';
  const { stdout, stderr, exitCode } = await runCli(['train', ...args, '--run', 'failed', '--events', lr]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: module-\d failed: .*\n(hint: .*\n)?code: TRAINING_/m);
  const { events } = split(stdout);
  expect(events).toBe(await journal('failed'));
  expect(JSON.parse(events.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ outcome: 'failed' });
});

test.each([['train'], ['resume', 'whole']])('%s --events --json is refused, as each wants stdout', async (...words) => {
  const before = await readdir(join(folder, 'runs'));
  const { stdout, stderr, exitCode } = await runCli([...words, ...args.slice(2), '--events', '--json']);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(stderr).toContain("error: option '--events' cannot be used with option '--json'\n");
  expect(stderr).toContain('code: USAGE_OPTION');
  expect(await readdir(join(folder, 'runs'))).toEqual(before);
});

test('a reader that lags behind gets every event in the end', async () => {
  await cp(run('whole'), run('long'), { recursive: true });
  const begun = (await journalOf(run('long'))).length;
  const time = new Date().toISOString();
  const warning = {
    type: 'warning',
    job: 'meta',
    attempt: 1,
    message: 'as long as any other event of a run '.repeat(4),
  };
  const lines = Array.from({ length: 20_000 }, (_, index) => ({ seq: begun + 1 + index, time, ...warning }));
  await appendFile(join(run('long'), 'journal.ndjson'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const command = '"$0" "$@" --events | (sleep 2; wc -c); echo $PIPESTATUS';
  const { stdout } = await execa('bash', ['-c', command, process.execPath, launcher, 'resume', run('long')]);
  expect(stdout).toBe(`${Buffer.byteLength(await journal('long'))}\n0`);
});
