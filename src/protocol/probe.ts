import { z } from 'zod';
import { type EngineName, engineHints, engineNames } from '../config/engines.ts';
import { otherPrecisions } from '../config/precision.ts';

/** What the program `workers/probe` is asked: one engine, so that a driver which crashes takes no other answer along. */
export interface ProbeRequest {
  readonly engine: EngineName;
}

/** What it found out about the engine by computing with it. */
export const engineProbeSchema = z.object({
  name: z.enum(engineNames),
  available: z.boolean(),
  /** Of the package that it comes with. */
  version: z.string().nullable(),
  /** What it computes on, for people: `CPU, 8 cores`. */
  device: z.string().nullable(),
  /** Whether that is known to be a graphics card or the like, and no processor that stands in for one. */
  accelerated: z.boolean(),
  /** What it was seen to train in beside fp32. */
  precisions: z.array(z.enum(otherPrecisions)),
  /** Why it is not available, or not accelerated where it could be. */
  reason: z.exactOptional(z.string()),
  /** How to get it, or to get more of it: a full sentence. */
  hint: z.exactOptional(z.string()),
});

export type EngineProbe = z.output<typeof engineProbeSchema>;

/** The probe of an engine that cannot be used. */
export function unavailableProbe(name: EngineName, reason: string): EngineProbe {
  const hint = engineHints[name];
  return { name, available: false, version: null, device: null, accelerated: false, precisions: [], reason, hint };
}
