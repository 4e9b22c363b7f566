import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConfigOptions, configFromOptions } from '../../src/cli/config-options.ts';
import { createProgram } from '../../src/cli/main.ts';
import { createSmallRun } from '../fixtures/run.ts';
import { callCli, runCli } from '../support/cli.ts';
import { documentedCommands } from '../support/documented-commands.ts';

const coordinator = fileURLToPath(new URL('../fixtures/coordinate.mjs', import.meta.url));
const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));

const documented = await documentedCommands();
const ofUs = documented.filter(({ words }) => words[0] === 'incubate');

/** Examples of commands that are refused, and how: the page shows it. */
const refused: Readonly<Record<string, object>> = {
  'incubate resume my-run --set training.batchSize=32': {
    exitCode: 3,
    stderr: expect.stringContaining('CONFIG_CHANGED'),
  },
};

/** What takes long, needs data of the reader's or is the example of an error. */
const dear = (words: readonly string[]) =>
  /^(train|plan|eval|engine)$/.test(words[1] ?? '') || words.some((word) => /my-run\.yaml|batchsiz=/.test(word));

test('the documentation has commands of ours, and others that there are', () => {
  expect(ofUs.length).toBeGreaterThan(15);
  for (const { words } of documented) {
    const [program, first, script = ''] = words;
    if (program === 'npm' && first === 'run') expect(Object.keys(scripts)).toContain(script);
    else
      expect(['incubate', 'npm ci', 'npm test', 'node -e', 'echo $?']).toContain(
        program === 'incubate' ? program : `${program} ${first}`,
      );
  }
});

/** Has every command only look at the settings that its options amount to, where it takes any. */
function onlyRead(command: Command): void {
  command.action(async () => {
    const options = command.opts<ConfigOptions>();
    const takesSettings = command.options.some(({ long }) => long === '--set');
    if (takesSettings && options.config === undefined) await configFromOptions(options, {});
  });
  for (const child of command.commands) if (child.commands.length === 0) onlyRead(child);
}

describe('every command of ours is understood', () => {
  test.each(ofUs.map(({ page, words }) => [page, words.join(' '), words] as const))('%s: %s', async (_, __, words) => {
    const program = await createProgram(words.slice(1));
    for (const command of program.commands) onlyRead(command);
    const parsed = program.parseAsync(words.slice(1), { from: 'user' });
    if (words.some((word) => word.includes('batchsiz='))) await expect(parsed).rejects.toThrow('unknown setting');
    else await parsed;
  });
});

describe('every cheap command ends as its page says', () => {
  let run: string;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'incubate documentation '));
    run = await createSmallRun();
    await execa('node', [coordinator, run]);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  const cheap = ofUs.filter(({ words }) => !dear(words));
  test.each(cheap.map(({ words }, index) => [words.join(' '), words, index] as const))(
    '%s',
    async (_, words, index) => {
      const cwd = join(folder, String(index));
      await mkdir(join(cwd, 'runs'), { recursive: true });
      await cp(run, join(cwd, 'runs/my-run'), { recursive: true });
      // Some commands read the documentation itself.
      await symlink(docs, join(cwd, 'docs'));
      const ask = words.some((word) => /^(-f|--watch)$/.test(word)) ? runCli : callCli;
      const { stderr, exitCode } = await ask(words.slice(1), { cwd });
      expect({ stderr, exitCode }).toEqual(refused[words.join(' ')] ?? { stderr: '', exitCode: 0 });
    },
  );
});
