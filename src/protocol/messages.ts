import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import type { SerializedError } from '../util/errors.ts';
import type { JobPlan, ModulePlan } from './plan.ts';
import type { LivingState } from './pulse.ts';
import type { DatasetIdentity, Diagnostics, Evaluation, JobResult, RUN_FORMAT } from './run.ts';

/** `jobs/<job>/spec.json`: all that a worker process is told. */
export interface JobSpec {
  readonly format: typeof RUN_FORMAT;
  /** Absolute path of the run directory. */
  readonly runDirectory: string;
  readonly job: JobPlan;
  readonly modules: readonly ModulePlan[];
  readonly config: RunConfig;
  readonly dataset: DatasetIdentity;
  /** The engine that the job must run on: the plan's. */
  readonly engine: EngineName;
  /** Values of CUDA_VISIBLE_DEVICES that a job may give processes of its own, where it starts some. */
  readonly devices: readonly string[];
  /** Address of the run's loader, where one decodes images for all jobs. */
  readonly loader?: string;
}

/** How an epoch went. */
export interface EpochDetails {
  /** From 1 on. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean over the epoch's steps. */
  readonly loss: number;
  /** Of the last step. */
  readonly lr: number;
  readonly seconds: number;
  /** Of these, what the engine had nothing to do as the next batch was not there. */
  readonly dataSeconds?: number;
  /** Steps of the job so far that changed nothing, as the gradient that loss scaling multiplied overflowed, if any. */
  readonly overflowed?: number;
  /** Where the epoch was followed by an evaluation. */
  readonly evaluation?: Evaluation;
}

export type SplitName = 'train' | 'validation';

/** Images that a job met for the first time and cannot decode; others took their places. */
export interface DamageDetails {
  readonly split: SplitName;
  /** What each is called, and why it cannot be decoded. */
  readonly images: readonly string[];
  /** Such images of the job so far, of both splits. */
  readonly damaged: number;
}

/** What a worker tells the coordinator, over the process' IPC channel. */
export type WorkerMessage =
  | {
      readonly type: 'compiled';
      readonly engine: string;
      readonly seconds: number;
      readonly trained: number;
      readonly frozen: number;
      readonly flopsPerStep: number;
    }
  | { readonly type: 'resumed'; readonly step: number; readonly epoch: number }
  | ProgressMessage
  | ({ readonly type: 'epoch' } & EpochDetails)
  | { readonly type: 'evaluated'; readonly what: 'cold' | 'final'; readonly evaluation: Evaluation }
  /** The assembly was compared with the meta model before fine-tuning. */
  | { readonly type: 'diagnosed'; readonly diagnostics: Diagnostics }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  /** A step was not finite and changed nothing. */
  | {
      readonly type: 'skipped';
      readonly step: number;
      readonly loss: number;
      /** Steps of the job that were skipped so far. */
      readonly skipped: number;
    }
  /** A step was not finite, and training goes on from an earlier one, with the data in another order. */
  | { readonly type: 'rolled-back'; readonly step: number; readonly reason: string; readonly rollbacks: number }
  | ({ readonly type: 'damaged' } & DamageDetails)
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'stopped'; readonly step: number }
  | { readonly type: 'completed'; readonly result: JobResult }
  | { readonly type: 'failed'; readonly error: SerializedError };

/** Sent at most a few times a second and not kept in the journal. */
export interface ProgressMessage {
  readonly type: 'progress';
  readonly epoch: number;
  readonly epochs: number;
  /** Optimiser steps done and to do, over all epochs. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly imagesPerSecond?: number;
  /** In place of that, of text. */
  readonly tokensPerSecond?: number;
  readonly secondsLeft: number;
}

/** A setting with two values. */
export interface ConfigChange {
  /** Dotted path: `execution.retries`. */
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What the coordinator asks of a worker: save and exit with status 75. */
export type CoordinatorMessage = { readonly type: 'stop' };

/** One line of `journal.ndjson`. */
export type JournalEvent = { readonly seq: number; readonly time: string } & JournalEntry;

export type JournalEntry =
  | { readonly type: 'run-created'; readonly name: string }
  /** A torn last line, left by a crash or power loss, was cut off. */
  | { readonly type: 'journal-recovered'; readonly bytes: number }
  | { readonly type: 'session-started'; readonly pid: number }
  /** Settings that a session changed, for itself and those after it. */
  | { readonly type: 'reconfigured'; readonly changes: readonly ConfigChange[] }
  | {
      readonly type: 'session-ended';
      readonly outcome: 'completed' | 'failed' | 'stopped';
      readonly seconds: number;
      readonly signal?: string;
    }
  /** The loader, which decodes images for all jobs, was started. */
  | { readonly type: 'loader-started'; readonly pid: number; readonly process?: string }
  /** It has gone though it is needed. After `retryIn` seconds it starts again; otherwise jobs decode for themselves. */
  | {
      readonly type: 'loader-exited';
      readonly status: number | null;
      readonly signal: string | null;
      readonly reason?: string;
      readonly retryIn?: number;
    }
  | {
      readonly type: 'job-started';
      readonly job: string;
      readonly attempt: number;
      readonly lease: string;
      readonly pid: number;
      /** Tells the process from a later one with the same PID; absent where the system does not say. */
      readonly process?: string;
    }
  /** What the worker does now; saving checkpoints is left out, which the checkpoints tell themselves. */
  | {
      readonly type: 'job-state';
      readonly job: string;
      readonly attempt: number;
      readonly state: Exclude<LivingState, 'starting' | 'checkpointing'>;
    }
  | {
      readonly type: 'job-exited';
      readonly job: string;
      readonly attempt: number;
      readonly status: number | null;
      readonly signal: string | null;
      /** What it was doing. */
      readonly state?: LivingState;
    }
  | { readonly type: 'job-completed'; readonly job: string; readonly attempt: number; readonly result: JobResult }
  | {
      readonly type: 'job-failed';
      readonly job: string;
      readonly attempt: number;
      readonly error: SerializedError;
      readonly retryIn?: number;
      /** For want of memory the next attempt divides its batches into so many micro-batches. */
      readonly accumulate?: number;
      readonly logTail?: readonly string[];
    }
  | { readonly type: 'job-stopped'; readonly job: string; readonly attempt: number }
  | ({ readonly job: string; readonly attempt: number } & Exclude<
      WorkerMessage,
      ProgressMessage | { readonly type: 'completed' | 'failed' | 'stopped' }
    >)
  /** The SHA-256 of the final weights. */
  | { readonly type: 'run-completed'; readonly weights: string };
