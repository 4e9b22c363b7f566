import type { RunConfig } from '../config/schema.ts';
import { jobsSideBySide } from '../methods/table.ts';
import type { Lease } from '../protocol/plan.ts';
import type { Gpu } from './gpus.ts';

/** `jobsPerGpu` leases of each GPU, one GPU after the other, so that few jobs spread over all of them. */
export function gpuLeases(gpus: readonly Gpu[], jobsPerGpu: number): Lease[] {
  return Array.from({ length: jobsPerGpu }, (_, share) =>
    gpus.map(
      (gpu): Lease => ({
        id: jobsPerGpu === 1 ? nameOf(gpu) : `${nameOf(gpu)}.${share}`,
        kind: 'gpu',
        // A UUID names the same card whatever order CUDA counts in.
        cudaVisibleDevices: gpu.uuid,
      }),
    ),
  ).flat();
}

/**
 * Slots of the CPU or the WebGPU adapter: as many as configured, otherwise one per CPU thread and no more than there are
 * jobs to run side by side, but one of an adapter.
 */
export function slotLeases(config: RunConfig, kind: 'cpu' | 'webgpu', threads: number): Lease[] {
  const slots = config.devices.slots ?? (kind === 'cpu' ? Math.min(jobsSideBySide(config), threads) : 1);
  return Array.from({ length: slots }, (_, slot) => ({ id: `${kind}-${slot}`, kind, cudaVisibleDevices: '' }));
}

/** What a worker's environment must say so that it sees its lease's device and no other. */
export function leaseEnvironment(lease: Lease): Record<string, string> {
  return { CUDA_VISIBLE_DEVICES: lease.cudaVisibleDevices, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
}

function nameOf({ index, mig }: Gpu): string {
  return mig === undefined ? `gpu-${index}` : `gpu-${index}-mig-${mig}`;
}
