import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type { RunConfig } from '../config/schema.ts';
import type { Lease } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';
import { type Gpu, type GpuSurvey, surveyGpus } from './gpus.ts';
import { cpuLeases, gpuLeases } from './leases.ts';
import { findGpu, restrictToVisible } from './visible-gpus.ts';

/** The machine as a run sees it; also what `doctor` and `plan` print. */
export interface DeviceDescription {
  /** GPUs within the user's CUDA_VISIBLE_DEVICES. */
  readonly gpus: readonly Gpu[];
  /** Why there are no GPUs. */
  readonly reason?: string;
  /** Whether the package that could compute on a GPU is installed; it has not been loaded. */
  readonly gpuEngine: boolean;
  readonly threads: number;
}

export interface Devices extends DeviceDescription {
  readonly leases: readonly Lease[];
  /** One sentence on why these leases, for people. */
  readonly choice: string;
}

export interface DeviceOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Whether an engine for GPUs is installed; found out when absent. */
  readonly gpuEngine?: boolean;
}

/** Looks at the machine. Never throws for want of GPUs. */
export async function describeDevices(options: DeviceOptions = {}): Promise<DeviceDescription> {
  const environment = options.environment ?? process.env;
  const survey: GpuSurvey = restrictToVisible(await surveyGpus(environment), environment.CUDA_VISIBLE_DEVICES);
  return { ...survey, gpuEngine: options.gpuEngine ?? hasGpuEngine(), threads: availableParallelism() };
}

/**
 * Decides where a run's jobs compute: on GPUs that were demanded, or that are there with an engine able to use them;
 * otherwise on slots of the CPU.
 *
 * Throws ENVIRONMENT_GPU when GPUs are demanded that are not there.
 */
export async function allotDevices(config: RunConfig, options: DeviceOptions = {}): Promise<Devices> {
  const { engine, gpus: wanted, jobsPerGpu } = config.devices;
  const threads = config.devices.threads ?? availableParallelism();
  const onCpu = (description: DeviceDescription, choice: string): Devices => ({
    ...description,
    threads,
    leases: cpuLeases(config, threads),
    choice,
  });
  const onGpus = (description: DeviceDescription, gpus: readonly Gpu[], choice: string): Devices => ({
    ...description,
    threads,
    leases: gpuLeases(gpus, jobsPerGpu),
    choice,
  });

  if (Array.isArray(wanted)) {
    if (engine === 'cpu') {
      throw new IncubateError('CONFIG_DEVICES', `GPUs ${wanted.join(', ')} are demanded of the engine 'cpu'`, {
        hint: "Leave out --gpus, or choose the engine 'tfjs'.",
      });
    }
    const description = await describeDevices(options);
    return onGpus(description, demandedGpus(wanted, description), 'the GPUs that were asked for');
  }
  if (engine === 'cpu' || wanted === 'none') {
    const reason = engine === 'cpu' ? "the engine is 'cpu'" : 'GPUs are switched off';
    return onCpu({ gpus: [], reason, gpuEngine: options.gpuEngine ?? hasGpuEngine(), threads }, reason);
  }
  const description = await describeDevices(options);
  if (description.gpus.length === 0) return onCpu(description, description.reason ?? 'there is no GPU');
  if (!description.gpuEngine) return onCpu(description, 'no engine that computes on GPUs is installed');
  return onGpus(description, description.gpus, 'all visible GPUs');
}

function demandedGpus(wanted: readonly (string | number)[], description: DeviceDescription): Gpu[] {
  const found = description.gpus.map((gpu) => `${gpu.index} (${gpu.name}, ${gpu.uuid})`).join(', ');
  const chosen = wanted.map((name) => {
    const gpu = findGpu(description.gpus, name);
    if (gpu) return gpu;
    throw new IncubateError(
      'ENVIRONMENT_GPU',
      `GPU ${name} is not there: ${found ? `found ${found}` : (description.reason ?? 'no GPU was found')}`,
      { hint: 'Name GPUs that `nvidia-smi -L` lists and CUDA_VISIBLE_DEVICES allows, or leave out --gpus.' },
    );
  });
  return [...new Set(chosen)];
}

/** Looks the optional package up without loading it: that would bring a tensor library into the coordinator. */
function hasGpuEngine(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    return true;
  } catch {
    return false;
  }
}
