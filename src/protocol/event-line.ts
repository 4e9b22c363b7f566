import { z } from 'zod';
import { journalEventSchema } from './journal-schema.ts';
import type { JournalEvent, ProgressMessage } from './messages.ts';
import { jobIdSchema, measured } from './run-schema.ts';

/** How far a job is, on the stream of events only: the journal does not keep it, so it has no number. */
export interface ProgressLine extends ProgressMessage {
  readonly time: string;
  readonly job: string;
}

/** One line that `--events` prints. */
export type EventLine = JournalEvent | ProgressLine;

export const progressLineSchema = z.object({
  type: z.literal('progress'),
  time: z.iso.datetime(),
  job: jobIdSchema,
  epoch: z.number().min(0),
  epochs: z.number().min(0),
  step: z.int().min(0),
  steps: z.int().min(0),
  loss: measured,
  imagesPerSecond: z.exactOptional(measured),
  tokensPerSecond: z.exactOptional(measured),
  secondsLeft: measured,
}) satisfies z.ZodType<ProgressLine>;

export const eventLineSchema = z.discriminatedUnion('type', [
  ...journalEventSchema.options,
  progressLineSchema,
]) satisfies z.ZodType<EventLine>;
