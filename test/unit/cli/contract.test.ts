import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { configFlags } from '../../../src/config/flags.ts';
import { ExitCode } from '../../../src/util/errors.ts';

/** Every command with its subcommands, as `createProgram` loads them. */
async function everyCommand(): Promise<[name: string, command: Command][]> {
  const loaded = await Promise.all(commands.map(async ({ name, load }) => [name, await load()] as const));
  return loaded.flatMap(([name, command]): [string, Command][] =>
    command.commands.length === 0
      ? [[name, command]]
      : command.commands.map((child): [string, Command] => [`${name} ${child.name()}`, child]),
  );
}

const settingsFlags = ['--recipe', '--config', '--set', ...configFlags.map(({ flag }) => flag)];

/** Flags are an interface: scripts depend on them. A change here belongs in CHANGELOG.md. */
it('the commands have these arguments and flags, besides those of settings', async () => {
  const described = (await everyCommand()).map(([name, command]) => {
    const args = command.registeredArguments.map((argument) => {
      const label = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${label}>` : `[${label}]`;
    });
    const takesSettings = command.options.some(({ long }) => long === '--recipe');
    const own = command.options.filter(({ long }) => !takesSettings || !settingsFlags.includes(long ?? ''));
    return [[name, ...args].join(' '), ...own.map(({ flags }) => flags), ...(takesSettings ? ['settings'] : [])];
  });
  expect(described).toEqual([
    ['train', '--run <name>', '--force', '--runs-dir <directory>', '--json', '--events', 'settings'],
    [
      'resume <run>',
      '--only <jobs>',
      '--retries <n>',
      '-c, --config <file>',
      '--set <key=value>',
      '--force',
      '--runs-dir <directory>',
      '--json',
      '--events',
    ],
    [
      'sweep',
      '--vary <key=values>',
      '--matrix <file>',
      '--name <name>',
      '--dry-run',
      '--runs-dir <directory>',
      '--json',
      'settings',
    ],
    ['status [run]', '-w, --watch', '--runs-dir <directory>', '--json'],
    ['logs <run> [job]', '-f, --follow', '-n, --lines <n>', '--runs-dir <directory>'],
    ['compare <runs...>', '--format <format>', '--plot <dir>', '--runs-dir <directory>', '--json'],
    ['plan', '--json', 'settings'],
    ['eval <run|weights>', '--runs-dir <directory>', '--json', 'settings'],
    ['config', '--json', 'settings'],
    ['clean [runs...]', '--all', '-y, --yes', '--dry-run', '--runs-dir <directory>', '--json'],
    [
      'data inspect <source>',
      '--format <format>',
      '--holdout <share>',
      '--subset <size>',
      '--shots <n>',
      '--seed <n>',
      '--json',
      '--vocabulary <n>',
    ],
    [
      'data prepare <source>',
      '--out <dir>',
      '--size <px>',
      '--channels <n>',
      '--resize <how>',
      '--format <format>',
      '--holdout <share>',
      '--subset <size>',
      '--shots <n>',
      '--seed <n>',
      '--json',
    ],
    ['data bench <source>', '--seconds <n>', '--json', 'settings'],
    ['data shapes', '--out <dir>', '--train <n>', '--validation <n>', '--size <px>', '--seed <n>', '--format <format>'],
    ['engine build <engine>', '--force'],
    ['doctor', '--json'],
    ['completion <shell>'],
  ]);
});

it('a flag of a command with settings is none of a setting', async () => {
  for (const [name, command] of await everyCommand()) {
    const flags = command.options.flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined));
    expect([name, new Set(flags).size]).toEqual([name, flags.length]);
  }
});

it('the exit statuses are these', () => {
  expect(ExitCode).toEqual({
    ok: 0,
    trainingFailed: 1,
    usage: 2,
    invalidConfig: 3,
    environment: 4,
    locked: 5,
    corruptRun: 6,
    data: 7,
    retryable: 75,
    interrupted: 130,
    pipeClosed: 141,
    terminated: 143,
  });
});

it('the help of every command is as it was', async () => {
  const texts = (await everyCommand()).map(([name, command]) => {
    command.helpOption('-h, --help', 'show help').configureHelp({ helpWidth: 100 });
    return `$ incubate ${name} --help\n${command.helpInformation()}`;
  });
  const path = join(import.meta.dirname, 'help.txt');
  await expect(texts.join('\n')).toMatchFileSnapshot(path);
});

it('every command, argument and flag says what it is', async () => {
  for (const [name, command] of await everyCommand()) {
    expect([name, command.description().length]).not.toEqual([name, 0]);
    for (const { flags, description } of command.options) expect([flags, description.length]).not.toEqual([flags, 0]);
    for (const argument of command.registeredArguments) expect([name, argument.description]).not.toEqual([name, '']);
  }
});
