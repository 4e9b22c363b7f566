import type { Argument, Command, Option } from 'commander';
import { argumentValues, type Candidates, optionValues, words } from './candidates.ts';
import { createProgram } from './main.ts';

/**
 * Prints what the last of the words on a command line may become: what it is completed with, then the candidates. Prints
 * nothing where nothing is known, and never an error: the user is in the middle of a line.
 *
 * @param line the words after `incubate`, up to the one that is being completed
 */
export async function complete(line: readonly string[]): Promise<void> {
  const { kind, values } = await candidates(line).catch((): Candidates => words([]));
  const current = line.at(-1) ?? '';
  const printed = values
    .filter(({ word }) => word.startsWith(current) && !/[\n\t]/.test(word))
    .map(({ word, meaning = '' }) => `${word}\t${meaning.replaceAll(/\s+/g, ' ')}`);
  process.stdout.write([kind, ...printed, ''].join('\n'));
}

/** What the last of the words may become, whatever it begins with. */
export async function candidates(line: readonly string[]): Promise<Candidates> {
  const program = await createProgram(line);
  const current = line.at(-1) ?? '';
  const { command, operands, pending, literal } = readLine(program, line.slice(0, -1));
  if (pending) return await optionValues(pending, current);
  if (!literal && current.startsWith('-')) {
    const [name = '', value] = splitAssignment(current);
    const option = value === undefined ? undefined : findOption(command, name);
    if (option === undefined || value === undefined) return words(visibleOptions(command).flatMap(optionWords));
    const { kind, values } = await optionValues(option, value);
    return { kind, values: values.map((found) => ({ ...found, word: `${name}=${found.word}` })) };
  }
  const commands = subcommands(command);
  if (commands.length > 0) return words(operands.length === 0 ? commands.map(commandWord) : []);
  const argument = argumentAt(command, operands.length);
  if (argument === undefined) return words([]);
  if (command.name() === 'help') return words(subcommands(program).map(commandWord));
  return await argumentValues(argument, { operands, runsDirectory: runsDirectoryOf(command, line) });
}

interface Reading {
  readonly command: Command;
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  /** After `--` nothing is an option. */
  readonly literal: boolean;
}

function readLine(program: Command, line: readonly string[]): Reading {
  let command = program;
  let pending: Option | undefined;
  let literal = false;
  let operands: string[] = [];
  for (const word of line) {
    const child = operands.length === 0 ? subcommands(command).find((known) => known.name() === word) : undefined;
    if (pending) pending = undefined;
    else if (!literal && word === '--') literal = true;
    else if (!literal && word.startsWith('-')) pending = optionAwaitingValue(command, word);
    else if (child) [command, operands] = [child, []];
    else operands = [...operands, word];
  }
  return { command, operands, pending, literal };
}

function optionAwaitingValue(command: Command, word: string): Option | undefined {
  const [name = '', value] = splitAssignment(word);
  const option = findOption(command, name);
  return option?.required && value === undefined ? option : undefined;
}

function splitAssignment(word: string): readonly string[] {
  const at = word.indexOf('=');
  return at < 0 || !word.startsWith('--') ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => name === long || name === short);
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic ? last : undefined);
}

function runsDirectoryOf(command: Command, line: readonly string[]): string {
  const option = findOption(command, '--runs-dir');
  const given = line.flatMap((word, index) => {
    if (word === '--runs-dir') return line[index + 1] ?? [];
    return word.startsWith('--runs-dir=') ? word.slice('--runs-dir='.length) : [];
  });
  return given.at(-1) || process.env.INCUBATE_RUNS_DIR || String(option?.defaultValue ?? 'runs');
}

const visibleOptions = (command: Command) => [...command.createHelp().visibleOptions(command)];
const subcommands = (command: Command) => [...command.createHelp().visibleCommands(command)];
const commandWord = (command: Command) => ({
  word: command.name(),
  meaning: command.summary() || command.description(),
});
const optionWords = ({ long, short, description }: Option) =>
  [long, short].flatMap((word) => (word === undefined ? [] : [{ word, meaning: description }]));
