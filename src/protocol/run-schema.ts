import { z } from 'zod';
import { engineNames } from '../config/engines.ts';
import { methodNames } from '../config/methods.ts';
import { runConfigSchema } from '../config/schema.ts';
import { jobKinds } from './plan.ts';
import {
  type DatasetIdentity,
  type Diagnostics,
  type Evaluation,
  type JobResult,
  RUN_FORMAT,
  type RunRecord,
  type RunResult,
} from './run.ts';

/** Any number, NaN and infinities included; JSON writes those as null, which reads as NaN. */
export const measured = z.union([
  z.custom<number>((value) => typeof value === 'number'),
  z.null().transform(() => Number.NaN),
]);
const count = z.int().min(0);

export const evaluationSchema = z.object({
  top1: measured,
  top5: measured,
  loss: measured,
  perplexity: z.exactOptional(measured),
}) satisfies z.ZodType<Evaluation>;

export const diagnosticsSchema = z.object({
  images: count,
  interfaces: z.array(
    z.object({ module: count, normRatio: measured, normError: measured, outputError: measured, cka: measured }),
  ),
}) satisfies z.ZodType<Diagnostics>;

const weightsSchema = z.object({ path: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export const jobResultSchema = z.object({
  format: z.literal(RUN_FORMAT),
  job: z.string(),
  metrics: evaluationSchema,
  cold: z.exactOptional(evaluationSchema),
  diagnostics: z.exactOptional(diagnosticsSchema),
  weights: weightsSchema,
  parameters: z.object({ trained: count, frozen: count }),
  steps: count,
  seconds: measured,
  flops: measured,
  engine: z.string(),
  peakBytes: z.exactOptional(count),
  damaged: z.exactOptional(count),
}) satisfies z.ZodType<JobResult>;

export const datasetIdentitySchema = z.object({
  source: z.string(),
  classes: z.array(z.string()),
  train: count,
  validation: count,
  tokens: z.exactOptional(z.object({ vocabulary: count, train: count, validation: count })),
  fingerprint: z.string(),
}) satisfies z.ZodType<DatasetIdentity>;

const modulePlanSchema = z.object({ index: count, from: count, to: count, metaDepth: count });

/** Names of jobs are names of directories: nothing that could leave the run directory. */
export const jobIdSchema = z.string().regex(/^[a-z][a-z0-9-]*$/);

const jobPlanSchema = z.object({
  id: jobIdSchema,
  kind: z.enum(jobKinds),
  module: z.exactOptional(count),
  needs: z.array(jobIdSchema),
  threads: z.int().positive(),
  cost: z.number(),
});

const leaseSchema = z.object({
  id: z.string(),
  kind: z.enum(['gpu', 'cpu', 'webgpu']),
  cudaVisibleDevices: z.string(),
});

export const runRecordSchema = z.object({
  format: z.literal(RUN_FORMAT),
  name: z.string(),
  created: z.string(),
  versions: z.object({ incubate: z.string(), node: z.string() }),
  config: runConfigSchema,
  plan: z.object({
    modules: z.array(modulePlanSchema).min(1),
    jobs: z.array(jobPlanSchema).min(1),
    engine: z.enum(engineNames),
    leases: z.array(leaseSchema).min(1),
  }),
  dataset: datasetIdentitySchema,
}) satisfies z.ZodType<RunRecord>;

export const runResultSchema = z.object({
  status: z.literal('completed'),
  run: z.string(),
  // Results of before there were others.
  method: z.enum(methodNames).default('incubation'),
  metrics: z.object({
    meta: z.exactOptional(evaluationSchema),
    modules: z.exactOptional(z.array(evaluationSchema)),
    cold: z.exactOptional(evaluationSchema),
    final: evaluationSchema,
  }),
  diagnostics: z.exactOptional(diagnosticsSchema),
  weights: weightsSchema,
  seconds: measured,
  cost: z.object({
    jobs: z.array(
      z.object({
        job: z.string(),
        seconds: measured,
        flops: measured,
        layerUnits: measured,
        damaged: z.exactOptional(count),
      }),
    ),
    layerUnitsOfEndToEnd: measured,
    criticalPathOfEndToEnd: measured,
  }),
}) satisfies z.ZodType<RunResult>;
