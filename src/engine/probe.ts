import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { engineHints } from '../config/engines.ts';
import { type EngineProbe, type ProbeRequest, unavailableProbe } from '../protocol/probe.ts';
import { messageOf } from '../util/errors.ts';
import { adapterKind } from './adapter-kind.ts';
import { engineFault } from './engines.ts';
import { providers } from './providers.ts';
import { loadTfjsNode } from './tfjs-node.ts';
import { workingPrecisions } from './try-precision.ts';

/** Tries an engine and tells what it found. To be run in a process of its own: a driver may crash it. */
export async function probeEngine({ engine }: ProbeRequest): Promise<EngineProbe> {
  if (engine === 'tfjs') return probeTfjs();
  if (engine === 'torch') return probeTorch();
  const fault = await engineFault(engine);
  if (fault !== null) return unavailableProbe(engine, fault);
  const precisions = await workingPrecisions(providers[engine]);
  return {
    name: engine,
    available: true,
    version: packageVersion('onnxruntime-node'),
    ...onDevice(engine),
    precisions,
  };
}

function onDevice(engine: 'cpu' | 'webgpu' | 'cuda'): Pick<EngineProbe, 'device' | 'accelerated' | 'reason' | 'hint'> {
  if (engine === 'cpu') return { device: `CPU, ${availableParallelism()} cores`, accelerated: false };
  if (engine === 'cuda') return { device: 'GPU, by CUDA', accelerated: true };
  const { accelerated, device } = adapterKind();
  if (accelerated) return { device, accelerated };
  const reason =
    accelerated === null ? 'this system does not tell whether it is a GPU' : 'the only adapter is software';
  const hint = accelerated === null ? 'Choose it by --engine webgpu if this machine has a GPU.' : engineHints.webgpu;
  return { device, accelerated: false, reason, hint };
}

function probeTfjs(): EngineProbe {
  const loaded = loadTfjsNode();
  if ('reason' in loaded) return unavailableProbe('tfjs', loaded.reason);
  const { gpu, version } = loaded;
  const found = { name: 'tfjs', available: true, version, precisions: [] as never[] } as const;
  if (gpu) return { ...found, device: 'GPU, by CUDA', accelerated: true };
  return {
    ...found,
    device: 'CPU',
    accelerated: false,
    reason: 'libtensorflow sees no GPU',
    hint: 'Check the driver, CUDA 11.2 and cuDNN 8.',
  };
}

async function probeTorch(): Promise<EngineProbe> {
  const { tryTorch } = await import('./torch/try-torch.ts');
  try {
    const { version, gpus, precisions } = await tryTorch();
    const found = { name: 'torch', available: true, version, precisions } as const;
    if (gpus > 0) return { ...found, device: 'GPU, by CUDA', accelerated: true };
    const device = `CPU, ${availableParallelism()} cores`;
    return { ...found, device, accelerated: false, reason: 'PyTorch sees no GPU' };
  } catch (error) {
    return unavailableProbe('torch', messageOf(error));
  }
}

function packageVersion(name: string): string {
  return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
}
