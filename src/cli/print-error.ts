import { type Paint, paintFor } from '../report/style.ts';
import { ExitCode, IncubateError, messageOf } from '../util/errors.ts';

/** Prints an error for people to standard error and returns the exit status that belongs to it. */
export function printError(error: unknown, environment: NodeJS.ProcessEnv = process.env): number {
  const paint = paintFor(process.stderr, environment);
  process.stderr.write(formatError(error, paint, environment.INCUBATE_DEBUG === '1'));
  return error instanceof IncubateError ? error.exitCode : ExitCode.trainingFailed;
}

/** The lines `error: …`, `hint: …` and `code: …`; a stack trace only where `debug` asks for it. */
export function formatError(error: unknown, paint: Paint, debug: boolean): string {
  const stack = debug && error instanceof Error ? `${error.stack}\n` : '';
  if (error instanceof IncubateError) {
    const hint = error.hint === undefined ? '' : `${paint('yellow', 'hint:')} ${error.hint}\n`;
    return `${paint('red', 'error:')} ${error.message}\n${hint}${paint('dim', `code: ${error.code}`)}\n${stack}`;
  }
  const message = messageOf(error).split('\n', 1)[0];
  const hint = debug ? '' : `${paint('yellow', 'hint:')} Set INCUBATE_DEBUG=1 to see where this came from.\n`;
  return `${paint('red', 'error:')} unexpected: ${message}\n${hint}${stack}`;
}
