import { cpus, release, totalmem } from 'node:os';
import { engineHints, engineNames } from '../config/engines.ts';
import { runConfigSchema } from '../config/schema.ts';
import { allotDevices, type DeviceDescription, type Devices, describeDevices } from '../coordinator/devices.ts';
import { probeEngine } from '../executors/probe-engine.ts';
import type { EngineProbe } from '../protocol/probe.ts';
import { packageVersion } from '../util/package.ts';

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
  /** What each engine said when it was tried, and how to get those that do not work. */
  readonly engines: readonly EngineProbe[];
  /** What a run with default settings would use. */
  readonly choice: Pick<Devices, 'engine' | 'leases'> & { readonly reason: string };
  /** What would make it better. */
  readonly advice: readonly string[];
}

/** Looks at the machine and tries its engines, all at a time and each in a process of its own, as a driver may crash. */
export async function examineMachine(): Promise<DoctorDocument> {
  const [devices, engines] = await Promise.all([
    describeDevices(),
    Promise.all(engineNames.map((name) => probeEngine(name))),
  ]);
  const probe = async (name: EngineProbe['name']) => engines.find((found) => found.name === name) as EngineProbe;
  const { engine, leases, choice } = await allotDevices(runConfigSchema.parse({}), { probe });
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
    choice: { engine, leases, reason: choice },
    advice: advise(devices, engines, engine),
  };
}

/** What stands between this machine and its fastest engine. */
export function advise(
  { gpus }: Pick<DeviceDescription, 'gpus'>,
  engines: readonly EngineProbe[],
  chosen: EngineProbe['name'],
): string[] {
  const named = (name: EngineProbe['name']) => engines.find((engine) => engine.name === name);
  const advice: string[] = [];
  const cpu = named('cpu');
  if (!cpu?.available) advice.push(`The CPU engine does not work. ${cpu?.hint ?? engineHints.cpu}`);
  if (gpus.length > 0 && chosen !== 'cuda' && chosen !== 'torch') {
    const instead = chosen === 'cpu' ? 'The GPUs are not used' : `The GPUs are used by ${chosen}; cuda would be faster`;
    advice.push(`${instead}: ${named('cuda')?.reason}. ${engineHints.cuda}`);
  }
  if (gpus.length === 0 && chosen === 'cpu') {
    advice.push(
      `Runs compute on the CPU. With an NVIDIA GPU: ${engineHints.torch} Or: ${engineHints.cuda}`,
      `With any GPU: ${engineHints.webgpu}`,
    );
  }
  return advice;
}
