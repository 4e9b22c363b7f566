import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type CudaGraphs, type EngineName, engineHints } from '../config/engines.ts';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { Engine } from './program.ts';

export interface EngineRequest {
  readonly engine: EngineName;
  /** CPU threads, of an engine that computes or prepares its work there. */
  readonly threads: number;
  /** Whether a GPU records steps; `auto`, if absent: where the engine can. */
  readonly cudaGraphs?: CudaGraphs;
  /** Told what the user may want to know. */
  readonly onWarning?: (message: string) => void;
}

/** Opens the engine that is named and no other. @throws ENGINE_UNAVAILABLE where it does not work here. */
export async function openEngine({ engine, threads, ...request }: EngineRequest): Promise<Engine> {
  if (engine !== 'torch' && request.cudaGraphs === 'on') {
    throw new IncubateError('ENGINE_UNAVAILABLE', `the engine ${engine} has no CUDA graphs (devices.cudaGraphs)`, {
      hint: 'Choose --engine torch, or set devices.cudaGraphs (--cuda-graphs) to auto.',
    });
  }
  const fault = await engineFault(engine);
  if (fault !== null) {
    throw new IncubateError('ENGINE_UNAVAILABLE', `the engine ${engine} cannot be used: ${fault}`, {
      hint: engine === 'cpu' ? engineHints.cpu : `${engineHints[engine]} Or choose --engine cpu.`,
    });
  }
  if (engine === 'tfjs') {
    const { createEagerEngine } = await import('./eager-engine.ts');
    return createEagerEngine('tensorflow', 'tfjs');
  }
  if (engine === 'torch') {
    const { createTorchEngine } = await import('./torch/torch-engine.ts');
    return createTorchEngine({ threads, ...request });
  }
  const { createOnnxEngine } = await import('./onnx-engine.ts');
  return createOnnxEngine({ threads, provider: engine });
}

/** Why an engine does not work here, found out by loading it and, with ONNX Runtime, computing; null where it works. */
export async function engineFault(engine: EngineName): Promise<string | null> {
  if (engine === 'tfjs') {
    const { loadTfjsNode } = await import('./tfjs-node.ts');
    const loaded = loadTfjsNode();
    return 'reason' in loaded ? loaded.reason : null;
  }
  if (engine === 'torch') return torchFault();
  try {
    const [{ providers }, { tryProvider }] = await Promise.all([
      import('./providers.ts'),
      import('./device-memory.ts'),
    ]);
    await tryProvider(providers[engine]);
    return null;
  } catch (error) {
    return readableReason(messageOf(error));
  }
}

async function torchFault(): Promise<string | null> {
  const { loadAddon } = await import('./torch/addon.ts');
  return loadAddon().then(() => null, messageOf);
}

/** An error of ONNX Runtime without the place in its source and the check that failed there. */
function readableReason(message: string): string {
  const [line = ''] = message.split('\n');
  if (/ExecutionProvider_Cuda: Failed to load shared library/.test(line)) return cudaFault();
  return line.replace(/^\S+\.(cc|h):\d+ .* was false\. /, '').trim();
}

/** The provider's library comes from elsewhere than the package, and needs libraries from elsewhere still. */
function cudaFault(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const library = /providers_cuda\.(so|dll)$/;
  const installed = readdirSync(join(root, 'bin'), { recursive: true }).some((path) => library.test(String(path)));
  if (!installed) return 'the CUDA provider of onnxruntime-node is not installed';
  return 'the CUDA provider of onnxruntime-node cannot be loaded, mostly for want of the libraries of CUDA 12 or cuDNN 9';
}
