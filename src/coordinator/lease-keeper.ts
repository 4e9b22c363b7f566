import { setTimeout as delay } from 'node:timers/promises';
import type { Lease } from '../protocol/plan.ts';
import { formatDuration } from '../util/duration.ts';
import { type GpuUse, surveyGpuUse } from './gpus.ts';

export interface LeaseKeeperOptions {
  /** Seconds to wait at most. */
  readonly limit: number;
  /** Whether more than one job may be on a GPU at a time: what is in use then says nothing of any one of them. */
  readonly shared: boolean;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
  readonly notice: (text: string) => void;
}

/** Knows which GPUs may still hold the memory of workers that have ended. */
export interface LeaseKeeper {
  /** A worker on the lease has ended otherwise than by itself. */
  abandoned(lease: Lease, pid: number): void;
  /** Waits until the lease's GPU holds nothing of such workers, for as long as the limit at most. */
  ready(lease: Lease): Promise<void>;
}

/** Milliseconds between two looks at a GPU. */
const INTERVAL = 500;
/** What drivers keep for themselves differs by so much. */
const SLACK_MIB = 256;

/**
 * A GPU's driver gives the memory of a killed process back some time after the process has gone; a job that starts before
 * finds too little. A GPU is taken for free when nvidia-smi lists none of those processes on it and, as it lists none from
 * within containers, when no more memory is in use than before the first job of the session.
 */
export function createLeaseKeeper({ limit, shared, signal, notice }: LeaseKeeperOptions): LeaseKeeper {
  const suspects = new Map<string, Set<number>>();
  /** Undefined where nobody could say. */
  const usedBefore = new Map<string, number | undefined>();
  const isHeld = (use: GpuUse, gpu: string, pids: ReadonlySet<number>) => {
    if (use.pids.some((pid) => pids.has(pid))) return true;
    const before = usedBefore.get(gpu);
    return !shared && before !== undefined && (use.memoryMiB.get(gpu) ?? 0) > before + SLACK_MIB;
  };

  return {
    abandoned({ kind, cudaVisibleDevices: gpu }, pid) {
      if (kind === 'gpu') suspects.set(gpu, (suspects.get(gpu) ?? new Set()).add(pid));
    },
    async ready({ id, kind, cudaVisibleDevices: gpu }) {
      if (kind !== 'gpu' || signal.aborted) return;
      const pids = suspects.get(gpu);
      if (!pids) {
        if (shared || usedBefore.has(gpu)) return;
        usedBefore.set(gpu, (await surveyGpuUse())?.memoryMiB.get(gpu));
        return;
      }
      const started = performance.now();
      for (;;) {
        const use = await surveyGpuUse();
        if (!use || signal.aborted || !isHeld(use, gpu, pids)) break;
        const seconds = (performance.now() - started) / 1000;
        if (seconds >= limit) {
          notice(
            `${id} still holds memory of a worker that was ended, after ${formatDuration(seconds)}; it is used all the same`,
          );
          break;
        }
        await delay(INTERVAL, undefined, { signal }).catch(() => {});
      }
      suspects.delete(gpu);
    },
  };
}
