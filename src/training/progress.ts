import { z } from 'zod';
import { evaluationSchema } from '../protocol/run-schema.ts';

/**
 * Where a training stands, beside its tensors. Random streams are keyed by the step and need no state of their own, so
 * this and the tensors are all that a bit-identical resume takes.
 */
export const progressSchema = z.strictObject({
  /** Optimiser steps done. */
  step: z.int().min(0),
  /** Sum of the losses of the current epoch's steps. */
  lossSum: z.number(),
  /** Seconds of work so far, over all attempts. */
  seconds: z.number().min(0),
  /** Result of the last evaluation. */
  evaluation: evaluationSchema.nullable(),
  /** Evaluation before the first step, where the phase asks for one. */
  cold: evaluationSchema.nullable(),
  /** Steps that changed nothing, as they were not finite: in all, in the current epoch, and in a row until now. */
  skipped: z.int().min(0).default(0),
  skippedInEpoch: z.int().min(0).default(0),
  skippedInRow: z.int().min(0).default(0),
  /** Steps that changed nothing, as the gradient that loss scaling multiplied overflowed. */
  overflowed: z.int().min(0).default(0),
  /** Times that training went back to a checkpoint; the data has another order after each. */
  rollbacks: z.int().min(0).default(0),
  /** Images met so far that cannot be decoded, by their places in the splits, and were skipped. */
  damaged: z
    .strictObject({ train: z.array(z.int().min(0)), validation: z.array(z.int().min(0)) })
    .default({ train: [], validation: [] }),
});

export type Progress = z.output<typeof progressSchema>;

export const untrained: Progress = progressSchema.parse({
  step: 0,
  lossSum: 0,
  seconds: 0,
  evaluation: null,
  cold: null,
});
