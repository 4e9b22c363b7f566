import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { candidates } from '../../../src/cli/complete.ts';
import { settings } from '../../../src/config/settings.ts';
import { createSmallRun, smallRecord } from '../../fixtures/run.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { thorough } from '../../support/faults.ts';

const launcher = join(import.meta.dirname, '../../../bin/incubate.js');

/** A directory with two runs, a folder and a file, and a PATH on which `incubate` is. */
let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate completion '));
  const runs = dirname(await createSmallRun());
  await createSmallRunAt(runs);
  await symlink(runs, join(folder, 'runs'));
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'settings.yaml'), '');
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/incubate'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
  await chmod(join(folder, 'bin/incubate'), 0o755);
  env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, LC_ALL: 'C.UTF-8' };
  for (const shell of ['bash', 'zsh', 'fish']) {
    await writeFile(join(folder, 'bin', `script.${shell}`), (await runCli(['completion', shell])).stdout);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function createSmallRunAt(runs: string): Promise<void> {
  await mkdir(join(runs, 'my run 🐣'));
  await writeFile(join(runs, 'my run 🐣/run.json'), JSON.stringify(smallRecord()));
}

const commandNames = commands.map(({ name }) => name);
const smallJobs = ['meta', 'module-0', 'module-1', 'finetune', 'evaluate'];

/** A command line up to the cursor, and what its last word may become. */
const cases: [string, string[], string[]][] = [
  ['commands', [''], [...commandNames, 'help']],
  ['commands that begin so', ['st'], ['status']],
  ['topics of help', ['help', 'pl'], ['plan']],
  ['subcommands', ['data', ''], ['inspect', 'prepare', 'bench', 'shapes', 'help']],
  ['flags', ['resume', '--re'], ['--retries']],
  ['flags after others with values', ['train', '--seed', '1', '--no', '--eve'], ['--events']],
  ['flags of the program', ['--ver'], ['--version']],
  ['choices of a flag', ['data', 'shapes', '--format', ''], ['png', 'jpg']],
  ['choices of a setting', ['train', '--engine', ''], ['auto', 'cpu', 'webgpu', 'cuda', 'tfjs', 'torch']],
  ['names of recipes', ['plan', '--recipe', 'sh'], ['shapes']],
  ['names of models', ['train', '--model', 'resnet-1'], ['resnet-101', 'resnet-110', 'resnet-18']],
  ['names of settings', ['train', '--set', 'training.mixu'], ['training.mixup=']],
  ['choices of an argument', ['engine', 'build', 't'], ['torch']],
  ['names of shells', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['names of runs', ['resume', ''], ['my run 🐣', 'small']],
  ['names of runs after a flag with a value', ['status', '--runs-dir', 'runs', 's'], ['small']],
  ['names of further runs', ['clean', 'small', ''], ['my run 🐣']],
  ['names of jobs', ['logs', 'small', 'm'], ['meta', 'module-0', 'module-1']],
  ['names of jobs of a run with spaces', ['logs', 'my run 🐣', ''], smallJobs],
  ['nothing after the last argument', ['logs', 'small', 'meta', ''], []],
  ['nothing for a number', ['train', '--seed', ''], []],
  ['nothing of a command that there is not', ['nonsense', ''], []],
  ['nothing where there is no such run', ['logs', 'nonsense', ''], []],
  ['files', ['train', '--config', 'sett'], ['settings.yaml']],
  ['files', ['plan', '--data', 's'], ['settings.yaml', 'shapes']],
  ['files', ['data', 'inspect', 's'], ['settings.yaml', 'shapes']],
  ['directories', ['resume', '--runs-dir', ''], ['bin', 'images', 'runs']],
];

/** Cases where the word begins with a part that has an equals sign, which bash takes for a word of its own. */
const assignments: [string, string[], string[]][] = [
  ['values after an equals sign', ['train', '--engine=c'], ['--engine=cpu', '--engine=cuda']],
  ['values of a setting', ['train', '--set', 'devices.engine=t'], ['devices.engine=tfjs', 'devices.engine=torch']],
];

const sorted = (words: readonly string[]) => [...words].sort();

const words = cases.filter(([what]) => !/^(files|directories)$/.test(what));
/** What bash makes of an answer, where time is short: words, those with spaces, none, and paths. */
const forBash = cases.filter(
  ([what]) => thorough || /^(commands|names of runs|nothing for|files|directories)/.test(what),
);

describe('incubate __complete', () => {
  test.each([...words, ...assignments])('%s', async (_, line, expected) => {
    const { stdout, stderr, exitCode } = await callCli(['__complete', ...line], { cwd: folder, env });
    const [kind, ...offered] = stdout.split('\n');
    expect({ kind, stderr, exitCode }).toEqual({ kind: 'words', stderr: '', exitCode: 0 });
    expect(sorted(offered.map((word) => word.split('\t')[0] ?? ''))).toEqual(sorted(expected));
  });

  test('knows every flag of every command', async () => {
    for (const { name, load } of commands) {
      const { values } = await candidates([name, '-']);
      const words = values.map(({ word }) => word);
      const flags = (await load()).options.flatMap(({ long, short }) => [long, short].filter(Boolean));
      expect(words).toEqual(expect.arrayContaining([...flags, '--help', '-h']));
    }
  });

  test('knows every setting, and a meaning of each', async () => {
    const { stdout } = await callCli(['__complete', 'train', '--set', ''], { env });
    expect(stdout.split('\n').slice(1)).toHaveLength(settings.size);
    expect(stdout).toMatch(/^training\.batchSize=\t\w/m);
  });
});

/** What bash offers, as the words that it would see; the cursor is behind the last word. */
async function bashOffers(line: readonly string[]): Promise<string[]> {
  const program = `
    source bin/script.bash
    COMP_WORDS=(incubate "$@"); COMP_CWORD=$#
    _incubate
    for word in "\${COMPREPLY[@]}"; do eval "printf '%s\\n' $word"; done`;
  const { stdout } = await execa('bash', ['-c', program, 'bash', ...line], { cwd: folder, env });
  return stdout === '' ? [] : stdout.split('\n');
}

describe('in bash', () => {
  test.each(forBash)('%s', async (_, line, expected) => {
    expect(sorted(await bashOffers(line))).toEqual(sorted(expected));
  });

  test('values after an equals sign, which bash takes for a word of its own', async () => {
    expect(await bashOffers(['train', '--engine', '=', 'c'])).toEqual(['cpu', 'cuda']);
    expect(await bashOffers(['train', '--set', 'devices.engine', '=', 't'])).toEqual(['tfjs', 'torch']);
    expect(await bashOffers(['train', '--engine='])).toContain('webgpu');
  });

  test('the script is registered for incubate and has no effect but that', async () => {
    const program = 'set -eu; eval "$(incubate completion bash)"; complete -p incubate';
    const { stdout, stderr } = await execa('bash', ['-c', program], { cwd: folder, env });
    expect({ stdout, stderr }).toEqual({ stdout: 'complete -F _incubate incubate', stderr: '' });
  });
});

const has = async (shell: string) => (await execa(shell, ['--version'], { reject: false })).exitCode === 0;
const [hasZsh, hasFish] = [await has('zsh'), await has('fish')];

describe.skipIf(!hasFish)('in fish (skipped where it is not installed)', () => {
  test.each(cases)('%s', async (_, line, expected) => {
    const quoted = line.map((word) => (word === '' ? '' : word.replaceAll(' ', '\\ '))).join(' ');
    const program = 'source bin/script.fish; complete -C $argv[1]';
    const { stdout } = await execa('fish', ['--no-config', '-c', program, `incubate ${quoted}`], { cwd: folder, env });
    const words = stdout === '' ? [] : stdout.split('\n').map((word) => word.split('\t')[0]?.replace(/\/$/, '') ?? '');
    expect(sorted(words)).toEqual(sorted(expected));
  });
});

describe.skipIf(!hasZsh)('in zsh (skipped where it is not installed)', () => {
  /** Replaces zsh's own functions, which need a terminal, by ones that print what they are given. */
  const program = `
    compdef() { : }
    _files() { if [[ $1 == -/ ]]; then print -l -- *(-/N); else print -l -- \${words[-1]}*(N); fi }
    compadd() { shift 3; print -l -- "$@" }
    _describe() { local entry; for entry in "\${(@)\${(P)4}}"; do print -r -- "\${entry%%:*}"; done }
    source bin/script.zsh
    words=(incubate "$@"); CURRENT=$(($# + 1)); _incubate`;
  test.each(cases)('%s', async (_, line, expected) => {
    const { stdout } = await execa('zsh', ['-f', '-c', program, 'zsh', ...line], { cwd: folder, env });
    expect(sorted(stdout === '' ? [] : stdout.split('\n'))).toEqual(sorted(expected));
  });
});

test('an unknown shell is wrong usage', async () => {
  const { stdout, stderr, exitCode } = await runCli(['completion', 'tcsh']);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
});
