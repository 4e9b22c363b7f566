import type { CommanderError } from 'commander';
import { type ErrorCode, IncubateError } from '../util/errors.ts';

const codes: Readonly<Record<string, ErrorCode>> = {
  'commander.unknownCommand': 'USAGE_COMMAND',
  'commander.unknownOption': 'USAGE_OPTION',
  'commander.optionMissingArgument': 'USAGE_OPTION',
  'commander.missingMandatoryOptionValue': 'USAGE_OPTION',
  'commander.conflictingOption': 'USAGE_OPTION',
};

/** Whether commander ended only because it has printed the help or version that was asked for. */
export function isHelpOrVersion({ code, exitCode }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.version' || (isHelp(code) && exitCode === 0);
}

/** Whether commander has printed the help because a command was missing. */
export function isMissingCommand({ code, exitCode }: CommanderError): boolean {
  return isHelp(code) && exitCode !== 0;
}

/** Commander's error about the command line as ours: its suggestion becomes the hint. */
export function usageError(error: CommanderError): IncubateError {
  const [message = '', ...suggestions] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestions.join(' ').replace(/^\((.*)\)$/, '$1') || '`--help` shows how the command is used.';
  return new IncubateError(codes[error.code] ?? 'USAGE_ARGUMENT', message, { hint, cause: error });
}

function isHelp(code: string): boolean {
  return code === 'commander.help';
}
