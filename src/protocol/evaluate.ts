import { z } from 'zod';
import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Evaluation } from './run.ts';
import { evaluationSchema } from './run-schema.ts';

/** What the program `workers/eval` is asked: the metrics of a weights file on the configured validation images. */
export interface EvaluateRequest {
  readonly config: RunConfig;
  /** Absolute path of a safetensors file with a whole network. */
  readonly weights: string;
  readonly engine: EngineName;
  readonly threads: number;
}

export interface EvaluateReply extends Evaluation {
  readonly images: number;
  readonly classes: string[];
  /** Images that could not be decoded and were left out, if any. */
  readonly damaged?: number;
}

export const evaluateReplySchema = evaluationSchema.extend({
  images: z.int().min(0),
  classes: z.array(z.string()),
  damaged: z.exactOptional(z.int().min(0)),
}) satisfies z.ZodType<EvaluateReply>;
