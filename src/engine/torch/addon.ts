import { createRequire } from 'node:module';
import { IncubateError, messageOf } from '../../util/errors.ts';
import { type Build, findBuild } from './builds.ts';
import type { TorchCode } from './code.ts';
import { noteUse } from './old-builds.ts';
import { addonSources } from './sources.ts';

declare const handle: unique symbol;

/** A tensor where programs compute; the memory is given back by `release`, or when the handle is collected. */
export interface TensorHandle {
  readonly [handle]: 'tensor';
}

export interface ProgramHandle {
  readonly [handle]: 'program';
}

type TypedArray = Float32Array | Int32Array | Uint8Array;

/** A tensor in ordinary memory, its type as a number of `typeNumbers`. */
export interface TorchTensor {
  readonly type: number;
  readonly shape: readonly number[];
  readonly buffer: ArrayBuffer;
}

export type Feed = readonly [type: number, shape: readonly number[], data: TypedArray];

/** What is wrong with a run. */
export interface TorchFault extends Error {
  /** Index of the graph's node that it arose in, or -1. */
  readonly node: number;
  /** Whether it was want of memory. */
  readonly memory: boolean;
  /** Whether this process can do nothing more on its GPU. */
  readonly broken: boolean;
}

/** Whether a program runs at fixed addresses, so that it can be recorded: not, where it can, or else not at all. */
export type Replay = 'never' | 'try' | 'always';

/** The functions of native/torch/addon.cc. */
export interface TorchAddon {
  /** Of the PyTorch that it was compiled with. */
  readonly version: string;
  /** Whether it can record on a GPU. */
  readonly graphs: boolean;
  /** Fixes the number of threads of this process and where it computes. */
  open(threads: number, device: TorchDevice): void;
  /** How many GPUs PyTorch can use. */
  devices(): number;
  tensor(type: number, shape: readonly number[], data: TypedArray): TensorHandle;
  read(tensors: readonly TensorHandle[]): Promise<TorchTensor[]>;
  release(tensor: TensorHandle): void;
  /** @param ownKernels whether kernels of ours are used where there are any, or those of PyTorch alone */
  compile(code: TorchCode, replay: Replay, ownKernels: boolean): ProgramHandle;
  /** Runs on a thread of its own; replaces tensors behind handles of `states`. */
  run(program: ProgramHandle, states: readonly TensorHandle[], feeds: readonly Feed[]): Promise<TorchTensor[]>;
  /** How often a program's present recording has run, and why it is not recorded any more. */
  recording(program: ProgramHandle): readonly [replays: number, fault: string | null];
  /** How many tensors are behind handles. */
  live(): number;
  /** The most memory that tensors on the GPU have taken; -1 where there is none or the addon cannot know. */
  peakBytes(): number;
}

export type TorchDevice = 'cpu' | 'cuda';

export interface LoadedAddon {
  readonly addon: TorchAddon;
  readonly build: Build;
}

/** Loads the addon that was built for this Node. @throws ENGINE_UNAVAILABLE where there is none or it cannot be loaded. */
export async function loadAddon(environment: NodeJS.ProcessEnv = process.env): Promise<LoadedAddon> {
  const build = await findBuild(await addonSources(), environment);
  const hint = 'Run `incubate engine build torch`, which says what it needs.';
  if (!build) throw new IncubateError('ENGINE_UNAVAILABLE', 'it has not been built on this machine', { hint });
  try {
    const addon = required(build.addon);
    await noteUse(build.addon);
    return { addon, build };
  } catch (error) {
    throw new IncubateError('ENGINE_UNAVAILABLE', `${build.addon} cannot be loaded: ${messageOf(error)}`, {
      hint,
      cause: error,
    });
  }
}

/**
 * What libraries read from the environment when they are loaded. OpenBLAS would start threads of its own beside PyTorch's;
 * OpenMP's would spin while they wait, which alone gains nothing and beside other work takes two to three times as long.
 */
const settings = { OPENBLAS_NUM_THREADS: '1', OMP_WAIT_POLICY: process.env.OMP_WAIT_POLICY ?? 'passive' };

function required(path: string): TorchAddon {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  try {
    return createRequire(import.meta.url)(path) as TorchAddon;
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
