import { readFile } from 'node:fs/promises';
import { Argument, Command } from 'commander';
import { packagePath } from '../util/package.ts';

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
      process.stdout.write(await readFile(packagePath(`completions/incubate.${shell}`), 'utf8'));
    });
}
