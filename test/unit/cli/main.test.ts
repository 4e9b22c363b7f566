import { Command } from 'commander';
import { expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { addConfigOptions } from '../../../src/cli/config-options.ts';

it('every command loads and has the name under which it is listed', async () => {
  for (const { name, load } of commands) expect((await load()).name()).toBe(name);
});

/** Flags are an interface: scripts depend on them. A change here belongs in CHANGELOG.md. */
it('the flags of configurations are these', () => {
  const flags = addConfigOptions(new Command()).options.map((option) => option.flags);
  expect(flags).toEqual([
    '--recipe <name>',
    '-c, --config <file>',
    '--model <name>',
    '--method <name>',
    '--modules <k>',
    '--depths <list>',
    '--data <source>',
    '--subset <size>',
    '--shots <n>',
    '--batch-size <n>',
    '--seed <n>',
    '--engine <name>',
    '--precision <name>',
    '--gpus <list>',
    '--jobs-per-gpu <n>',
    '--threads <n>',
    '--cuda-graphs <when>',
    '--retries <n>',
    '--set <key=value>',
  ]);
});
