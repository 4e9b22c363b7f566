import { availableParallelism } from 'node:os';
import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import { probeEngine } from '../executors/probe-engine.ts';
import type { Lease } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';
import { checkDemand, chooseEngine, type EngineChoice, type Probe } from './choose-engine.ts';
import { type Gpu, type GpuSurvey, surveyGpus, surveyInstances } from './gpus.ts';
import { gpuLeases, slotLeases } from './leases.ts';
import { findGpu, restrictToVisible } from './visible-gpus.ts';

/** The machine as a run sees it; also what `doctor` and `plan` print. */
export interface DeviceDescription {
  /** GPUs of CUDA within the user's CUDA_VISIBLE_DEVICES. */
  readonly gpus: readonly Gpu[];
  /** Why there are no GPUs. */
  readonly reason?: string;
  readonly threads: number;
}

export interface Devices extends DeviceDescription {
  readonly engine: EngineName;
  readonly leases: readonly Lease[];
  /** One sentence on why this engine and these leases, for people. */
  readonly choice: string;
}

export interface DeviceOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Tries an engine; by default in a process of its own. */
  readonly probe?: Probe;
}

/** Looks at the machine. Never throws for want of GPUs. */
export async function describeDevices({ environment = process.env }: DeviceOptions = {}): Promise<DeviceDescription> {
  const visible = environment.CUDA_VISIBLE_DEVICES;
  const instances = visible?.includes('MIG-') ? await surveyInstances(environment) : [];
  const survey = restrictToVisible(await surveyGpus(environment), visible, instances);
  return { ...survey, threads: availableParallelism() };
}

/**
 * Decides what a run's jobs compute with and where: on GPUs that were demanded, or that are there with an engine able to
 * use them; otherwise in slots of the CPU or the WebGPU adapter.
 *
 * Throws ENVIRONMENT_GPU when GPUs are demanded that are not there, and what `checkDemand` and `chooseEngine` throw.
 */
export async function allotDevices(config: RunConfig, options: DeviceOptions = {}): Promise<Devices> {
  checkDemand(config.devices);
  const { engine, gpus: wanted, jobsPerGpu } = config.devices;
  const { environment = process.env } = options;
  /** Cards that the user leaves to us whole may be used in parts. */
  const namedInstances = async () =>
    environment.CUDA_VISIBLE_DEVICES === undefined && String(wanted).includes('MIG-')
      ? surveyInstances(environment)
      : [];
  const wantsGpus = engine !== 'cpu' && wanted !== 'none';
  const survey: GpuSurvey = wantsGpus ? await describeDevices(options) : { gpus: [], reason: 'GPUs are not asked for' };
  const demanded = Array.isArray(wanted) && wantsGpus ? demandedGpus(wanted, survey, await namedInstances()) : null;
  const { precision } = config.training;
  const choice = await chooseEngine(config.devices, survey, options.probe ?? probeEngine, precision);
  const threads = threadsOf(config);
  const found = { ...survey, threads, engine: choice.engine };
  if (!choice.leasesGpus)
    return { ...found, leases: slotLeases(config, kindOf(choice), threads), choice: choice.because };
  const words = demanded ? 'the GPUs that were asked for' : 'all visible GPUs';
  return { ...found, leases: gpuLeases(demanded ?? survey.gpus, jobsPerGpu), choice: `${words}: ${choice.because}` };
}

/** Threads that the jobs of a run share. */
export function threadsOf({ devices }: RunConfig): number {
  return devices.threads ?? availableParallelism();
}

const kindOf = ({ engine }: EngineChoice) => (engine === 'webgpu' ? 'webgpu' : 'cpu');

function demandedGpus(wanted: readonly (string | number)[], survey: GpuSurvey, instances: readonly Gpu[]): Gpu[] {
  const found = survey.gpus.map((gpu) => `${gpu.index} (${gpu.name}, ${gpu.uuid})`).join(', ');
  const chosen = wanted.map((name) => {
    const gpu = findGpu([...survey.gpus, ...instances], name);
    if (gpu) return gpu;
    throw new IncubateError(
      'ENVIRONMENT_GPU',
      `GPU ${name} is not there: ${found ? `found ${found}` : (survey.reason ?? 'no GPU was found')}`,
      { hint: 'Name GPUs that `nvidia-smi -L` lists and CUDA_VISIBLE_DEVICES allows, or leave out --gpus.' },
    );
  });
  return [...new Set(chosen)];
}
