import { assertSameDataset } from '../data/identity.ts';
import { describeSamples } from '../data/samples.ts';
import type { Lease } from '../protocol/plan.ts';
import type { RunRecord } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';
import { allotDevices, type DeviceOptions, threadsOf } from './devices.ts';
import { slotLeases } from './leases.ts';

/**
 * Checks that a run can go on with the data, the engine and the GPUs of now, and returns the leases of now: more or fewer
 * than it was planned on. Its jobs keep the threads that they were planned with, on which the last bits of results depend.
 *
 * Throws DATA_CHANGED, ENGINE_UNAVAILABLE where the engine that the run was planned with has gone, or ENVIRONMENT_GPU where
 * its GPUs have.
 */
export async function recheckRun(
  { config, dataset, plan }: RunRecord,
  options: DeviceOptions = {},
): Promise<readonly Lease[]> {
  assertSameDataset(dataset, (await describeSamples(config)).identity);
  const kind = plan.leases[0]?.kind;
  if (kind === 'cpu') return slotLeases(config, kind, threadsOf(config));
  const devices = await allotDevices({ ...config, devices: { ...config.devices, engine: plan.engine } }, options);
  if (devices.leases.every((lease) => lease.kind === kind)) return devices.leases;
  throw new IncubateError('ENVIRONMENT_GPU', `the run was planned on GPUs, but now ${devices.choice}`, {
    hint: 'Make the GPUs visible again, or start a new run.',
  });
}
