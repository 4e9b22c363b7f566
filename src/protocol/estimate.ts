import { z } from 'zod';
import type { RunConfig } from '../config/schema.ts';
import type { JobPlan, ModulePlan } from './plan.ts';

/** What the program `workers/estimate` is asked: the cost of each job's step, computed from its traced graph. */
export interface EstimateRequest {
  readonly config: RunConfig;
  readonly modules: readonly ModulePlan[];
  readonly jobs: readonly JobPlan[];
  /** Numbers that the model gives: classes, or the tokens of a vocabulary. */
  readonly outputs: number;
}

export interface JobEstimate {
  readonly job: string;
  /** Numbers of parameters. */
  readonly trained: number;
  readonly frozen: number;
  /** Floating-point operations of one optimiser step, or of one batch of an evaluation. */
  readonly flopsPerStep: number;
  /** Largest resident set of the job's process with the CPU engine, without decoded images, bytes. */
  readonly peakBytes: number;
  /** Parameters, optimiser state and feeds, bytes. */
  readonly stateBytes: number;
}

const count = z.number().min(0);

export const estimateReplySchema = z.array(
  z.object({
    job: z.string(),
    trained: count,
    frozen: count,
    flopsPerStep: count,
    peakBytes: count,
    stateBytes: count,
  }),
) satisfies z.ZodType<JobEstimate[]>;
