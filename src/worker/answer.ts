import { text } from 'node:stream/consumers';
import type { Answer } from '../protocol/answer.ts';
import { ExitCode, serializeError } from '../util/errors.ts';

/**
 * The life of a program that answers one question: a JSON request on standard input, the answer as the last line of
 * standard output.
 */
export async function answer<Request, Reply>(work: (request: Request) => Reply | Promise<Reply>): Promise<never> {
  const answered = await answerTo(work, await text(process.stdin));
  await new Promise((resolve) => process.stdout.write(`\n${JSON.stringify(answered)}\n`, resolve));
  // Native libraries may keep threads that would hold the process.
  process.exit(ExitCode.ok);
}

async function answerTo<Request, Reply>(
  work: (request: Request) => Reply | Promise<Reply>,
  request: string,
): Promise<Answer> {
  try {
    return { reply: await work(JSON.parse(request) as Request) };
  } catch (error) {
    // Standard error carries the stack, for INCUBATE_DEBUG.
    console.error(error);
    return { error: serializeError(error) };
  }
}
