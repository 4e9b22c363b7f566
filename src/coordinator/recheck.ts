import { assertSameDataset } from '../data/identity.ts';
import { describeDataset } from '../data/open.ts';
import type { Lease } from '../protocol/plan.ts';
import type { RunRecord } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';
import { allotDevices } from './devices.ts';

/**
 * Checks that a run can go on with the data, the engine and the GPUs of now, and returns the leases of now.
 *
 * Throws DATA_CHANGED, ENGINE_UNAVAILABLE where the engine that the run was planned with has gone, or ENVIRONMENT_GPU where
 * its GPUs have.
 */
export async function recheckRun({ config, dataset, plan }: RunRecord): Promise<readonly Lease[]> {
  assertSameDataset(dataset, await describeDataset(config));
  const kind = plan.leases[0]?.kind;
  if (kind === 'cpu') return plan.leases;
  const devices = await allotDevices({ ...config, devices: { ...config.devices, engine: plan.engine } });
  if (devices.leases.every((lease) => lease.kind === kind)) return kind === 'gpu' ? devices.leases : plan.leases;
  throw new IncubateError('ENVIRONMENT_GPU', `the run was planned on GPUs, but now ${devices.choice}`, {
    hint: 'Make the GPUs visible again, or start a new run.',
  });
}
