import { execa } from 'execa';
import type { ZodType } from 'zod';
import { answerSchema } from '../protocol/answer.ts';
import { type ErrorCode, IncubateError, UNEXPECTED } from '../util/errors.ts';
import { type AskableProgram, programPath } from './programs.ts';

export interface AskOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** After which the program is killed; without limit where absent. */
  readonly timeoutSeconds?: number;
}

/**
 * Asks a program of ours that loads a tensor library, so that neither its import nor its crash concerns this process.
 *
 * Throws the program's own error, or ENVIRONMENT_PROGRAM where it ended without an answer.
 */
export async function askWorker<Reply>(
  program: AskableProgram,
  request: unknown,
  replySchema: ZodType<Reply>,
  { environment = process.env, timeoutSeconds = 0 }: AskOptions = {},
): Promise<Reply> {
  const result = await execa(process.execPath, [programPath(program)], {
    input: JSON.stringify(request),
    reject: false,
    env: environment,
    extendEnv: false,
    timeout: timeoutSeconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
  });
  if (process.env.INCUBATE_DEBUG === '1' && result.stderr !== '') process.stderr.write(`${result.stderr}\n`);
  const answer = answerSchema.safeParse(parseLastLine(result.stdout));
  if (!answer.success) {
    const how = result.timedOut
      ? `took longer than ${timeoutSeconds} s and was ended`
      : result.isTerminated
        ? `was ended by ${result.signal}`
        : `exited with status ${result.exitCode}`;
    const lines = result.stderr.trim().split('\n');
    const lastWords = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1);
    throw new IncubateError(
      'ENVIRONMENT_PROGRAM',
      `the program workers/${program} ${how} without an answer${lastWords ? `: ${lastWords}` : ''}`,
      { hint: '`incubate doctor` tells which engines work here; INCUBATE_DEBUG=1 shows all that the program wrote.' },
    );
  }
  if ('reply' in answer.data) return replySchema.parse(answer.data.reply);
  const { code, message, hint } = answer.data.error;
  if (code === UNEXPECTED) throw new Error(message);
  throw new IncubateError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}

function parseLastLine(output: string): unknown {
  try {
    return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
