import type { SampleBatch } from '../data/dataset.ts';
import type { JobSpec } from '../protocol/messages.ts';
import type { SerializedError } from '../util/errors.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';

/** What all stages of a job are told; they have the devices in turn. */
export interface StageSpec extends Pick<JobSpec, 'config' | 'job' | 'modules' | 'engine' | 'devices'> {
  /** Numbers that the model gives. */
  readonly outputs: number;
  /** CPU threads of each stage. */
  readonly threads: number;
}

/** What a module learns from: the feeds of its task for a batch, and what the module before makes of that. */
export interface Lesson {
  readonly feeds: HostTensors;
  /** Absent in the first stage. */
  readonly features?: HostTensor;
}

/** What a stage is told by the one before it, the first one by the job; commands for all are passed on. */
export type StageCommand =
  /** The states of this stage and those behind it. */
  | { readonly type: 'open'; readonly index: number; readonly spec: StageSpec; readonly states: readonly HostTensors[] }
  /** Steps are counted from 0. The first stage is told its batch. */
  | { readonly type: 'step'; readonly step: number; readonly lr: number; readonly batch?: SampleBatch }
  | ({ readonly type: 'lesson' } & Lesson)
  | { readonly type: 'write'; readonly states: readonly HostTensors[] }
  /** Asks for the tensors of these names that a stage has, once its steps so far are done. */
  | { readonly type: 'read'; readonly request: number; readonly names: readonly string[] };

/** What a stage tells the one before it, which passes it on to the job. */
export type StageReply =
  | {
      readonly type: 'stepped';
      readonly index: number;
      readonly step: number;
      readonly loss: number;
      /** Largest resident set of the stage's process so far. */
      readonly peakBytes: number;
    }
  | {
      readonly type: 'tensors';
      readonly index: number;
      readonly request: number;
      readonly tensors: HostTensors;
    }
  | { readonly type: 'failed'; readonly error: SerializedError };
