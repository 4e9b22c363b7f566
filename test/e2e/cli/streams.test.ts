import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { createSmallRun } from '../../fixtures/run.ts';
import { runCli } from '../../support/cli.ts';

const launcher = join(import.meta.dirname, '../../../bin/incubate.js');
const coordinator = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));

let completed: string;
let failed: string;
beforeAll(async () => {
  completed = await createSmallRun();
  failed = await createSmallRun({ 'module-1': ['fail-nan'] });
  await Promise.all([completed, failed].map((run) => execa('node', [coordinator, run], { reject: false })));
}, 120_000);

/** Command lines that print something at once, `RUN` being a completed run. */
const printing = [
  ['--help'],
  ['--version'],
  ['help', 'train'],
  ['status', 'RUN'],
  ['status', 'RUN', '--json'],
  ['status', 'RUN', '--watch'],
  ['logs', 'RUN'],
  ['resume', 'RUN'],
  ['resume', 'RUN', '--events'],
  ['config'],
  ['clean', 'RUN', '--dry-run', '--all'],
  ['completion', 'bash'],
];

describe.each(printing)('incubate %s %s %s', (...words) => {
  const line = () => words.filter((word) => word !== undefined).map((word) => (word === 'RUN' ? completed : word));

  test('ends with status 141 when nobody reads its output', async () => {
    const script = '"$0" "$@" | true; echo $PIPESTATUS';
    const { stdout } = await execa('bash', ['-c', script, process.execPath, launcher, ...line()]);
    expect(stdout).toBe('141');
  });

  test('prints no colours into a pipe, and nothing on stderr', async () => {
    const { stdout, stderr, exitCode } = await runCli(line());
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toBe('');
  });
});

const isColoured = (text: string) => text.includes('\u001b[3');

test.each<[Record<string, string>, boolean]>([
  [{}, false],
  [{ NO_COLOR: '1' }, false],
  [{ FORCE_COLOR: '1' }, true],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  [{ FORCE_COLOR: '0' }, false],
])('with %j in a pipe: colours %s', async (env, expected) => {
  const { stdout, stderr } = await runCli(['status', failed, '--watch'], { env });
  expect(isColoured(stderr)).toBe(expected);
  expect(isColoured(stdout)).toBe(false);
});

const hasScript = (await execa('script', ['--version'], { reject: false })).exitCode === 0;

test.skipIf(!hasScript).each<[Record<string, string>, boolean]>([
  [{}, true],
  [{ NO_COLOR: '1' }, false],
  [{ FORCE_COLOR: '0' }, false],
  [{ TERM: 'dumb' }, false],
])('with %j on a terminal: colours %s (needs util-linux’ script)', async (env, expected) => {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CI|NO_COLOR|FORCE_COLOR)$/.test(name));
  const { stdout, exitCode } = await execa(
    'script',
    ['-qec', `'${process.execPath}' '${launcher}' nonsense`, '/dev/null'],
    {
      env: { ...Object.fromEntries(inherited), TERM: 'xterm', ...env },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    },
  );
  expect(exitCode).toBe(2);
  expect(stdout).toContain('unknown command');
  expect(isColoured(stdout)).toBe(expected);
});
