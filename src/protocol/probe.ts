import { z } from 'zod';

/** What the program `workers/probe` answers: what it found out about each engine by loading it. */
export const probeReplySchema = z.array(
  z.object({
    name: z.enum(['cpu', 'tfjs']),
    available: z.boolean(),
    version: z.string().nullable(),
    /** What it computes on. */
    device: z.string().nullable(),
    /** Why it is not available, or not used where others are. */
    reason: z.exactOptional(z.string()),
    /** How to get it. */
    hint: z.exactOptional(z.string()),
  }),
);

export type EngineProbe = z.output<typeof probeReplySchema>[number];
