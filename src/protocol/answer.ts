import { z } from 'zod';

/** The last line that a program asked by `askWorker` writes to its standard output: its reply, or why there is none. */
export const answerSchema = z.union([
  z.object({ reply: z.unknown() }).strict(),
  z.object({
    error: z.object({ code: z.string(), message: z.string(), hint: z.exactOptional(z.string()), exitCode: z.int() }),
  }),
]);

export type Answer = z.output<typeof answerSchema>;
