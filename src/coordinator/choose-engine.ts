import type { EngineName } from '../config/engines.ts';
import { enginesWith, type Precision, requirePrecision } from '../config/precision.ts';
import type { RunConfig } from '../config/schema.ts';
import type { EngineProbe } from '../protocol/probe.ts';
import { IncubateError } from '../util/errors.ts';
import type { GpuSurvey } from './gpus.ts';

/** Tries an engine on this machine. */
export type Probe = (engine: EngineName) => Promise<EngineProbe>;

export interface EngineChoice {
  readonly engine: EngineName;
  /** Whether its jobs need GPUs of CUDA to themselves. */
  readonly leasesGpus: boolean;
  /** Half a sentence on why, for people. */
  readonly because: string;
}

type DeviceConfig = RunConfig['devices'];

/**
 * Decides what a run computes with, once: a worker uses that engine or fails.
 *
 * An engine that is asked for by name is tried and used. `auto` is the first of these that computes on a GPU, in the
 * precision that is asked for: torch, cuda and tfjs where nvidia-smi lists GPUs, webgpu where they are not asked for by number;
 * otherwise cpu.
 *
 * @throws ENGINE_UNAVAILABLE where the engine that is asked for, or every one that could use the GPUs that are asked for,
 *   does not work; ENVIRONMENT_GPU where cuda finds none to lease; CONFIG_PRECISION where the engine never has the
 *   precision, ENGINE_PRECISION where it has none here.
 */
export async function chooseEngine(
  config: DeviceConfig,
  survey: GpuSurvey,
  probe: Probe,
  precision: Precision = 'fp32',
): Promise<EngineChoice> {
  if (config.engine === 'auto') return chooseBest(config, survey, probe, precision);
  requirePrecision(config.engine, precision);
  return chooseNamed(config.engine, config, survey, probe, precision);
}

/** Throws CONFIG_DEVICES where GPUs are demanded of an engine that takes none, or forbidden to one that needs them. */
export function checkDemand({ engine, gpus }: DeviceConfig): void {
  const contradiction = (message: string, hint: string) => new IncubateError('CONFIG_DEVICES', message, { hint });
  if (Array.isArray(gpus) && (engine === 'cpu' || engine === 'webgpu')) {
    throw contradiction(
      `GPUs ${gpus.join(', ')} are demanded of the engine '${engine}', which cannot be given any`,
      "Leave out --gpus, or choose the engine 'torch', 'cuda' or 'tfjs'.",
    );
  }
  if (gpus === 'none' && (engine === 'cuda' || engine === 'webgpu')) {
    throw contradiction(
      `the engine '${engine}' computes on a GPU, and GPUs are switched off`,
      "Leave out --gpus none, or choose the engine 'cpu'.",
    );
  }
}

async function chooseNamed(
  engine: EngineName,
  { gpus }: DeviceConfig,
  survey: GpuSurvey,
  probe: Probe,
  precision: Precision,
): Promise<EngineChoice> {
  const because = `the engine is '${engine}'`;
  if (engine === 'cpu') return { engine, leasesGpus: false, because };
  const found = await probe(engine);
  if (!found.available) throw unavailable([found]);
  if (!trainsIn(found, precision)) throw imprecise(`the engine ${engine} cannot`, precision, typesOf(found));
  if (engine === 'webgpu') return { engine, leasesGpus: false, because: `${because}, on ${found.device}` };
  if (Array.isArray(gpus) && !found.accelerated) throw unavailable([found]);
  if (engine === 'cuda' && survey.gpus.length === 0) {
    throw new IncubateError('ENVIRONMENT_GPU', `the engine cuda has no GPU to lease: ${survey.reason}`, {
      hint: 'Its GPUs must be listed by `nvidia-smi -L` and allowed by CUDA_VISIBLE_DEVICES. Or choose --engine cpu.',
    });
  }
  if (gpus === 'none') return { engine, leasesGpus: false, because: `${because}, and GPUs are switched off` };
  if (!found.accelerated) return { engine, leasesGpus: false, because: `${because}, but ${found.reason}` };
  return { engine, leasesGpus: true, because };
}

async function chooseBest(
  { gpus }: DeviceConfig,
  survey: GpuSurvey,
  probe: Probe,
  precision: Precision,
): Promise<EngineChoice> {
  if (gpus === 'none') requirePrecision('cpu', precision);
  if (gpus === 'none') return { engine: 'cpu', leasesGpus: false, because: 'GPUs are switched off' };
  const demanded = Array.isArray(gpus);
  const candidates: EngineName[] = [
    ...(demanded || survey.gpus.length > 0 ? (['torch', 'cuda', 'tfjs'] as const) : []),
    ...(demanded ? [] : (['webgpu'] as const)),
  ];
  const probes = await Promise.all(candidates.map(probe));
  const usable = probes.filter(({ available, accelerated }) => available && accelerated);
  const best = usable.find((found) => trainsIn(found, precision));
  if (best) {
    return { engine: best.name, leasesGpus: best.name !== 'webgpu', because: `${best.name} works on ${best.device}` };
  }
  if (demanded && usable.length === 0) throw unavailable(probes);
  const faults = probes.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  const gpuFault = survey.gpus.length > 0 ? 'no engine can use the GPUs' : (survey.reason ?? 'there is no GPU');
  if (precision === 'fp32') return { engine: 'cpu', leasesGpus: false, because: `${gpuFault} (${faults})` };
  const lacks = probes.map((found) => `${found.name}: ${lackOf(found)}`).join('; ');
  throw imprecise('no engine that works here can', precision, usable.length > 0 ? lacks : `${gpuFault} (${lacks})`);
}

function trainsIn({ precisions }: EngineProbe, precision: Precision): boolean {
  return precision === 'fp32' || precisions.includes(precision);
}

/** Why an engine that was tried cannot be used in a reduced precision. */
function lackOf(found: EngineProbe): string {
  if (!found.available || !found.accelerated) return found.reason ?? 'no reason is known';
  return typesOf(found);
}

function typesOf({ device, precisions }: EngineProbe): string {
  return `${device} computes in ${['fp32', ...precisions].join(' and ')}`;
}

function imprecise(who: string, precision: Precision, reason: string): IncubateError {
  return new IncubateError('ENGINE_PRECISION', `${who} train in ${precision} (training.precision): ${reason}`, {
    hint: `Leave out --precision, or use a machine where ${enginesWith(precision)} can; \`incubate doctor\` tells.`,
  });
}

function unavailable(probes: readonly EngineProbe[]): IncubateError {
  const names = probes
    .map(({ name }) => name)
    .join(', ')
    .replace(/, (\w+)$/, ' and $1');
  const reasons = probes.map(({ name, reason }) => (probes.length > 1 ? `${name}: ${reason}` : reason)).join('; ');
  return new IncubateError(
    'ENGINE_UNAVAILABLE',
    `the engine${probes.length > 1 ? 's' : ''} ${names} cannot be used: ${reasons}`,
    { hint: `${probes[0]?.hint ?? ''} Or choose --engine cpu.`.trimStart() },
  );
}
