import { createRequire } from 'node:module';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { Engine } from './program.ts';

/** What a probe found out about an engine. */
export interface EngineProbe {
  readonly name: 'cpu' | 'tfjs';
  readonly available: boolean;
  readonly version: string | null;
  /** What it computes on, for example `CPU, 8 cores`. */
  readonly device: string | null;
  /** Why it is not available, or not used where others are. */
  readonly reason?: string;
  /** How to get it. */
  readonly hint?: string;
}

export interface EngineRequest {
  /** auto: tfjs where it loads and sees a GPU, else cpu */
  readonly engine: 'auto' | 'cpu' | 'tfjs';
  readonly threads: number;
  /** Which GPUs a tensor library that is loaded from here on may see; as the variable CUDA_VISIBLE_DEVICES where absent. */
  readonly cudaVisibleDevices?: string;
}

/** @throws ENGINE_UNAVAILABLE where an engine that was asked for by name cannot be used. */
export async function openEngine({ engine, threads, cudaVisibleDevices }: EngineRequest): Promise<Engine> {
  if (cudaVisibleDevices !== undefined) process.env.CUDA_VISIBLE_DEVICES = cudaVisibleDevices;
  if (engine !== 'cpu') {
    const loaded = await loadTfjsNode();
    if ('gpu' in loaded && (engine === 'tfjs' || loaded.gpu)) {
      const { createEagerEngine } = await import('./eager-engine.ts');
      return createEagerEngine('tensorflow', 'tfjs');
    }
    if (engine === 'tfjs') {
      throw new IncubateError(
        'ENGINE_UNAVAILABLE',
        `the engine tfjs cannot be used: ${'reason' in loaded ? loaded.reason : ''}`,
        {
          hint: `${TFJS_HINT} Or choose --engine cpu.`,
        },
      );
    }
  }
  const { createOnnxEngine } = await import('./onnx-engine.ts');
  return createOnnxEngine({ threads });
}

/** Loads every engine and tells what it found. Runs in a process of its own: a driver may crash it. */
export async function probeEngines(): Promise<EngineProbe[]> {
  return [await probeCpu(), await probeTfjs()];
}

const require = createRequire(import.meta.url);
const TFJS_PACKAGE = '@tensorflow/tfjs-node-gpu';
const TFJS_HINT = `Install ${TFJS_PACKAGE} with its libtensorflow (CUDA 11.2, cuDNN 8): \`npm install ${TFJS_PACKAGE}\`.`;

async function probeCpu(): Promise<EngineProbe> {
  const { availableParallelism } = await import('node:os');
  try {
    await import('onnxruntime-node');
    const { version } = require('onnxruntime-node/package.json') as { version: string };
    return { name: 'cpu', available: true, version, device: `CPU, ${availableParallelism()} cores` };
  } catch (error) {
    return {
      name: 'cpu',
      available: false,
      version: null,
      device: null,
      reason: messageOf(error),
      hint: 'Run `npm ci` again.',
    };
  }
}

async function probeTfjs(): Promise<EngineProbe> {
  const loaded = await loadTfjsNode();
  if ('reason' in loaded)
    return { name: 'tfjs', available: false, version: null, device: null, reason: loaded.reason, hint: TFJS_HINT };
  const { gpu, version } = loaded;
  if (gpu) return { name: 'tfjs', available: true, version, device: 'GPU' };
  return {
    name: 'tfjs',
    available: true,
    version,
    device: 'CPU',
    reason: 'libtensorflow sees no GPU',
    hint: 'Check the driver, CUDA 11.2 and cuDNN 8.',
  };
}

/** Loads tfjs-node-gpu, which registers the backend `tensorflow`, and asks it for a GPU. */
async function loadTfjsNode(): Promise<{ gpu: boolean; version: string } | { reason: string }> {
  try {
    restoreRemovedUtilities();
    const { version } = require(`${TFJS_PACKAGE}/package.json`) as { version: string };
    const loaded = require(TFJS_PACKAGE) as { backend(): { isGPUPackage?: boolean; isUsingGpuDevice?: boolean } };
    const { isUsingGpuDevice } = loaded.backend();
    return { gpu: isUsingGpuDevice === true, version };
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    return { reason: /Cannot find module/.test(line) ? `${TFJS_PACKAGE} is not installed` : line };
  }
}

/** tfjs-node 4.22 calls functions of `util` that Node removed in version 23. */
function restoreRemovedUtilities(): void {
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
