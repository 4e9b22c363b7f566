import { z } from 'zod';
import type { JournalEvent, WorkerMessage } from './messages.ts';
import { diagnosticsSchema, evaluationSchema, jobIdSchema, jobResultSchema, measured } from './run-schema.ts';

const count = z.int().min(0);

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.exactOptional(z.string()),
  exitCode: z.int(),
  stack: z.exactOptional(z.string()),
});

/** What a worker reports and the journal keeps, by the type of the message. */
const kept = {
  compiled: {
    engine: z.string(),
    seconds: measured,
    trained: count,
    frozen: count,
    flopsPerStep: measured,
  },
  resumed: { step: count, epoch: z.number().min(0) },
  epoch: {
    epoch: z.number().min(0),
    epochs: z.number().min(0),
    loss: measured,
    lr: measured,
    seconds: measured,
    dataSeconds: z.exactOptional(measured),
    overflowed: z.exactOptional(count),
    evaluation: z.exactOptional(evaluationSchema),
  },
  evaluated: { what: z.enum(['cold', 'final']), evaluation: evaluationSchema },
  diagnosed: { diagnostics: diagnosticsSchema },
  checkpoint: { step: count, path: z.string() },
  skipped: { step: count, loss: measured, skipped: count },
  'rolled-back': { step: count, reason: z.string(), rollbacks: count },
  damaged: { split: z.enum(['train', 'validation']), images: z.array(z.string()), damaged: count },
  warning: { message: z.string() },
};

const message = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape });

export const workerMessageSchema = z.discriminatedUnion('type', [
  message('compiled', kept.compiled),
  message('resumed', kept.resumed),
  message('progress', {
    epoch: z.number().min(0),
    epochs: z.number().min(0),
    step: count,
    steps: count,
    loss: measured,
    imagesPerSecond: z.exactOptional(measured),
    tokensPerSecond: z.exactOptional(measured),
    secondsLeft: measured,
  }),
  message('epoch', kept.epoch),
  message('evaluated', kept.evaluated),
  message('diagnosed', kept.diagnosed),
  message('checkpoint', kept.checkpoint),
  message('skipped', kept.skipped),
  message('rolled-back', kept['rolled-back']),
  message('damaged', kept.damaged),
  message('warning', kept.warning),
  message('stopped', { step: count }),
  message('completed', { result: jobResultSchema }),
  message('failed', { error: errorSchema }),
]) satisfies z.ZodType<WorkerMessage>;

const envelope = { seq: z.int().positive(), time: z.iso.datetime() };
const ofJob = { job: jobIdSchema, attempt: z.int().positive() };

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ ...envelope, type: z.literal(type), ...shape });
const jobEvent = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) => event(type, { ...ofJob, ...shape });

/** One line of `journal.ndjson`. */
export const journalEventSchema = z.discriminatedUnion('type', [
  event('run-created', { name: z.string() }),
  event('journal-recovered', { bytes: z.int().positive() }),
  event('session-started', { pid: z.int().positive() }),
  event('reconfigured', { changes: z.array(z.object({ key: z.string(), from: z.unknown(), to: z.unknown() })) }),
  event('session-ended', {
    outcome: z.enum(['completed', 'failed', 'stopped']),
    seconds: measured,
    signal: z.exactOptional(z.string()),
  }),
  event('loader-started', { pid: z.int().positive(), process: z.exactOptional(z.string()) }),
  event('loader-exited', {
    status: z.int().nullable(),
    signal: z.string().nullable(),
    reason: z.exactOptional(z.string()),
    retryIn: z.exactOptional(z.number().min(0)),
  }),
  jobEvent('job-started', {
    lease: z.string(),
    pid: z.int().positive(),
    process: z.exactOptional(z.string()),
  }),
  jobEvent('job-state', { state: z.enum(['compiling', 'running', 'stopping']) }),
  jobEvent('job-exited', {
    status: z.int().nullable(),
    signal: z.string().nullable(),
    state: z.exactOptional(z.enum(['starting', 'compiling', 'running', 'checkpointing', 'stopping'])),
  }),
  jobEvent('job-completed', { result: jobResultSchema }),
  jobEvent('job-failed', {
    error: errorSchema,
    retryIn: z.exactOptional(z.number().min(0)),
    accumulate: z.exactOptional(z.int().positive()),
    logTail: z.exactOptional(z.array(z.string())),
  }),
  jobEvent('job-stopped', {}),
  jobEvent('compiled', kept.compiled),
  jobEvent('resumed', kept.resumed),
  jobEvent('epoch', kept.epoch),
  jobEvent('evaluated', kept.evaluated),
  jobEvent('diagnosed', kept.diagnosed),
  jobEvent('checkpoint', kept.checkpoint),
  jobEvent('skipped', kept.skipped),
  jobEvent('rolled-back', kept['rolled-back']),
  jobEvent('damaged', kept.damaged),
  jobEvent('warning', kept.warning),
  event('run-completed', { weights: z.string() }),
]) satisfies z.ZodType<JournalEvent>;
