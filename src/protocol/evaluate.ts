import { z } from 'zod';
import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Evaluation } from './run.ts';
import { evaluationSchema } from './run-schema.ts';

/** What the program `workers/eval` is asked: the metrics of a weights file on the configured validation images or text. */
export interface EvaluateRequest {
  readonly config: RunConfig;
  /** Absolute path of a safetensors file with a whole network. */
  readonly weights: string;
  readonly engine: EngineName;
  readonly threads: number;
}

export interface EvaluateReply extends Evaluation {
  /** Of images: how many were evaluated, and their classes. */
  readonly images?: number;
  readonly classes?: string[];
  /** Of text: how many tokens were predicted, and how many there are to choose from. */
  readonly tokens?: number;
  readonly vocabulary?: number;
  /** Images that could not be decoded and were left out, if any. */
  readonly damaged?: number;
}

export const evaluateReplySchema = evaluationSchema.extend({
  images: z.exactOptional(z.int().min(0)),
  classes: z.exactOptional(z.array(z.string())),
  tokens: z.exactOptional(z.int().min(0)),
  vocabulary: z.exactOptional(z.int().min(0)),
  damaged: z.exactOptional(z.int().min(0)),
}) satisfies z.ZodType<EvaluateReply>;
