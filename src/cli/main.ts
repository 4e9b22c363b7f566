import { Command, CommanderError } from 'commander';
import { ExitCode } from '../util/errors.ts';
import { packageVersion } from '../util/package.ts';
import { commands } from './commands.ts';
import { printError } from './print-error.ts';
import { isHelpOrVersion, isMissingCommand, usageError } from './usage-error.ts';

/** What the scripts of `completion` call; no command, so that no help shows it. */
const completeWord = '__complete';

/**
 * The program `incubate`.
 *
 * @param argv as `process.argv`: the arguments begin at index 2
 */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', exitOnClosedPipe);
  process.stderr.on('error', exitOnClosedPipe);
  process.on('uncaughtException', (error) => process.exit(printError(error)));
  await runCommand(argv.slice(2));
}

/** Carries out a command line and sets the process' exit status. Never throws. */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    if (args[0] === completeWord) return await (await import('./complete.ts')).complete(args.slice(1));
    const program = await createProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = exitStatusOf(error);
  }
}

/** The program with only those commands loaded that the arguments are about. */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('incubate')
    .description('Train large models by divide and conquer: Deep Incubation from the command line.')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', '\nWithout options, `incubate train` trains a small model on generated images.');
  const words = args.filter((arg) => !arg.startsWith('-'));
  const used = words[0] === 'help' ? words[1] : words[0];
  for (const { name, summary, load } of commands) {
    const command = name === used ? await load() : new Command(name);
    program.addCommand(command.summary(summary));
  }
  configure(program);
  return program;
}

/** Commander's errors reach us as exceptions and are printed by us alone. */
function configure(command: Command): void {
  command
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError();
  for (const child of command.commands) configure(child);
}

function exitStatusOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return printError(error);
  if (isHelpOrVersion(error)) return ExitCode.ok;
  if (isMissingCommand(error)) return ExitCode.usage;
  return printError(usageError(error));
}

/** A reader such as `head` has seen enough; what SIGPIPE's exit status would be. */
function exitOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(ExitCode.pipeClosed);
  process.exit(printError(error));
}
