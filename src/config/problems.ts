import { type ErrorCode, IncubateError } from '../util/errors.ts';

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/**
 * Ends the resolution where something is wrong: with the problem's own code, or with all problems listed and the code
 * that they share, CONFIG where they differ.
 */
export function throwProblems(problems: readonly Problem[]): void {
  const [first, ...others] = problems;
  if (!first) return;
  if (others.length === 0) {
    throw new IncubateError(first.code, first.message, first.hint === undefined ? {} : { hint: first.hint });
  }
  const code = others.every((problem) => problem.code === first.code) ? first.code : 'CONFIG';
  const lines = problems.map(({ message, hint }) => `  - ${message}${hint === undefined ? '' : `. ${hint}`}`);
  throw new IncubateError(code, `the configuration has ${problems.length} problems:\n${lines.join('\n')}`);
}
