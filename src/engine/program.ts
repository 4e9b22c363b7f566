import type { Tensor } from '@tensorflow/tfjs-core';
import type { Precision } from '../config/precision.ts';
import type { HostTensor, HostTensors, TensorSpec } from '../util/tensor.ts';

export type Tensors = Readonly<Record<string, Tensor>>;
export type Specs = Readonly<Record<string, TensorSpec>>;

/**
 * A pure function of named tensors, written with tfjs-core operations and run as a whole by an engine.
 *
 * `body` must depend on its arguments alone and must not read tensor data: it may be traced once with symbolic tensors
 * and never called again. tfjs knows no uint8; specs of that type reach the body as int32 tensors.
 */
export interface Program {
  /** Used in messages and file names, for example `train(module-2)`. */
  readonly name: string;
  /** Tensors of the engine's state that the program reads. */
  readonly state: Specs;
  /** Tensors supplied with every run. */
  readonly feeds: Specs;
  /** What engines keep activations and multiply matrices in; the body, state and feeds are float32 all the same. */
  readonly precision?: Precision;
  body(state: Tensors, feeds: Tensors): ProgramResult;
}

export interface ProgramResult {
  /** State tensors to replace, by name; a subset of the program's state specs, with unchanged shapes. */
  readonly state: Tensors;
  /** Small results to read back after every run: loss, counts. */
  readonly outputs: Tensors;
}

/** What a program costs, read off its graph. */
export interface ProgramCost {
  /** Multiply-adds of matrix products and convolutions count two each; every other operation one per element written. */
  readonly flops: number;
  /** Bytes of state and feeds. */
  readonly stateBytes: number;
  /** Largest sum of intermediate tensors alive at once, in bytes, in the order of execution, without state written in place. */
  readonly peakActivationBytes: number;
  /** Bytes of new state and outputs. */
  readonly resultBytes: number;
  readonly nodes: number;
}

/** Named tensors that live where the engine computes and persist between runs; programs of one engine share them. */
export interface EngineState {
  /** Adds or replaces tensors. */
  write(tensors: HostTensors): void;
  /** Copies tensors out; all of them without `names`. Throws ENGINE_STATE for an unknown name. */
  read(names?: readonly string[]): Promise<Record<string, HostTensor>>;
  /** Gives the tensors' memory back; whatever uses the state afterwards throws ENGINE_DISPOSED. */
  dispose(): void;
}

export interface Executable {
  readonly cost: ProgramCost;
  /**
   * Runs once: reads state and feeds, replaces the state tensors that the program returns, returns its outputs.
   *
   * @throws ENGINE_FEED and ENGINE_STATE for inputs that do not fit, ENGINE_DISPOSED for a state or an executable after its
   *   end, ENGINE_MEMORY and ENGINE_RUN where the engine fails; the state may be half-written then.
   */
  run(state: EngineState, feeds: HostTensors): Promise<Record<string, HostTensor>>;
  /** Ends the executable, after the run that is going on if there is one. */
  dispose(): void;
}

/** An engine runs programs on one kind of device. */
export interface Engine {
  readonly name: string;
  /**
   * Whether runs that use one state may be started before the one before has ended: they compute in the order of their
   * calls, and a device is told of the next while it is busy.
   */
  readonly queuesRuns?: boolean;
  createState(tensors: HostTensors): EngineState;
  compile(program: Program): Promise<Executable>;
}
