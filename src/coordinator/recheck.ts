import { assertSameDataset } from '../data/identity.ts';
import { describeDataset } from '../data/open.ts';
import type { Lease } from '../protocol/plan.ts';
import type { RunRecord } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';
import { allotDevices } from './devices.ts';

/**
 * Checks that a run can go on with the data and the GPUs of now, and returns the leases of now.
 *
 * Throws DATA_CHANGED, or ENVIRONMENT_GPU where a run that was planned on GPUs finds none.
 */
export async function recheckRun({ config, dataset, plan }: RunRecord): Promise<readonly Lease[]> {
  assertSameDataset(dataset, await describeDataset(config));
  if (plan.leases.every((lease) => lease.kind === 'cpu')) return plan.leases;
  const devices = await allotDevices(config);
  if (devices.leases.every((lease) => lease.kind === 'gpu')) return devices.leases;
  throw new IncubateError('ENVIRONMENT_GPU', `the run was planned on GPUs, but now ${devices.choice}`, {
    hint: 'Make the GPUs visible again, or start a new run.',
  });
}
