import { cpus, release, totalmem } from 'node:os';
import { runConfigSchema } from '../config/schema.ts';
import { allotDevices, type DeviceDescription, describeDevices } from '../coordinator/devices.ts';
import { askWorker } from '../executors/ask.ts';
import type { Lease } from '../protocol/plan.ts';
import { type EngineProbe, probeReplySchema } from '../protocol/probe.ts';
import { messageOf } from '../util/errors.ts';
import { packageVersion } from '../util/version.ts';

/** What `doctor --json` prints. */
export interface DoctorDocument {
  readonly versions: { readonly incubate: string; readonly node: string };
  readonly system: {
    readonly platform: string;
    readonly release: string;
    readonly architecture: string;
    readonly processor: string;
    readonly memoryBytes: number;
  };
  readonly devices: DeviceDescription;
  readonly engines: readonly EngineProbe[];
  /** Why nothing is known about the engines. */
  readonly probeFailure: string | null;
  /** Where a run with default settings would compute. */
  readonly choice: { readonly leases: readonly Lease[]; readonly reason: string };
  /** What would make it better. */
  readonly advice: readonly string[];
}

/** Looks at the machine and tries its engines in a process of their own, as a driver may crash. */
export async function examineMachine(): Promise<DoctorDocument> {
  const devices = await describeDevices();
  const { leases, choice } = await allotDevices(runConfigSchema.parse({}));
  const { engines, probeFailure } = await probe();
  return {
    versions: { incubate: packageVersion(), node: process.versions.node },
    system: {
      platform: process.platform,
      release: release(),
      architecture: process.arch,
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      memoryBytes: totalmem(),
    },
    devices,
    engines,
    probeFailure,
    choice: { leases, reason: choice },
    advice: advise(devices, engines, probeFailure),
  };
}

async function probe(): Promise<Pick<DoctorDocument, 'engines' | 'probeFailure'>> {
  try {
    return { engines: await askWorker('probe', null, probeReplySchema), probeFailure: null };
  } catch (error) {
    return { engines: [], probeFailure: messageOf(error) };
  }
}

function advise(devices: DeviceDescription, engines: readonly EngineProbe[], probeFailure: string | null): string[] {
  if (probeFailure !== null) {
    return ['The engines could not be tried: `INCUBATE_DEBUG=1 incubate doctor` shows what the probe wrote.'];
  }
  const advice: string[] = [];
  const cpu = engines.find((engine) => engine.name === 'cpu');
  if (!cpu?.available) advice.push(`The CPU engine does not work. ${cpu?.hint ?? 'Install incubate again.'}`);

  const tfjs = engines.find((engine) => engine.name === 'tfjs');
  if (devices.gpus.length === 0) {
    advice.push(`Runs compute on the CPU. On a machine with NVIDIA GPUs: ${tfjs?.hint ?? 'name them with --gpus.'}`);
  } else if (tfjs?.device !== 'GPU') {
    const reason = tfjs?.reason ?? 'there is no engine for them';
    advice.push(`The GPUs cannot be used: ${reason}. ${tfjs?.hint ?? ''}`.trimEnd());
    if (devices.gpuEngine) advice.push('Until that is repaired, train on the CPU with `--engine cpu`.');
  }
  return advice;
}
