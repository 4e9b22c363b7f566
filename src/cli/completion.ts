import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Argument, Command } from 'commander';
import { IncubateError } from '../util/errors.ts';

/**
 * `incubate completion`: a script that teaches a shell to complete our command lines. The scripts know nothing of commands:
 * they ask `incubate __complete WORD…` (see complete.ts), whose first line says what to complete with, `words`, `files` or
 * `directories`, and whose other lines are candidates, each with a tab and its meaning.
 */
export function completionCommand(): Command {
  return new Command('completion')
    .description(
      'print a script that completes commands, flags, their values, and names of runs and jobs; for bash: eval "$(incubate completion bash)"',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => {
      process.stdout.write(await readFile(scriptPath(shell), 'utf8'));
    });
}

/** `completions/` lies at the root of the package; the compiled files lie one directory deeper than the sources. */
function scriptPath(shell: string): string {
  const found = ['../../completions', '../../../completions']
    .map((path) => fileURLToPath(new URL(`${path}/incubate.${shell}`, import.meta.url)))
    .find((path) => existsSync(path));
  if (found) return found;
  throw new IncubateError('ENVIRONMENT_INSTALL', `the completion script for ${shell} is missing`, {
    hint: 'Install incubate again.',
  });
}
