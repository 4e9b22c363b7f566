import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { JobPlan, Lease } from '../protocol/plan.ts';
import { dispatchOrder } from './dispatch-order.ts';

/** How one attempt of a job went, as far as the schedule cares. */
export type JobEnd = 'completed' | 'failed' | 'stopped' | { readonly retryInSeconds: number };

export interface ScheduleOptions {
  readonly jobs: readonly JobPlan[];
  readonly leases: readonly Lease[];
  /** Jobs that need not run. */
  readonly completed: ReadonlySet<string>;
  /** Once aborted, nothing more is started; what runs is waited for. */
  readonly signal: AbortSignal;
  /** One attempt of a job on a lease that nobody else holds. A rejection ends the schedule. */
  readonly run: (job: JobPlan, lease: Lease) => Promise<JobEnd>;
}

/**
 * Runs jobs in the order of what they need, as many at a time as there are leases; those that become ready together in the
 * order in which the last of them ends earliest by their costs.
 *
 * A job that fails takes nothing down but what depends on it. Resolves when nothing more can run; rejects, after the
 * running attempts have ended, with the first error that `run` threw.
 */
export async function runSchedule({ jobs, leases, completed, signal, run }: ScheduleOptions): Promise<void> {
  const queue = new PQueue({ concurrency: leases.length });
  const free = [...leases];
  const broken = new AbortController();
  const ended = AbortSignal.any([signal, broken.signal]);

  // Jobs that become ready together enter the queue in this order, and the first of them are started at once.
  const ordered = inOrder(
    jobs.filter((job) => !completed.has(job.id)),
    leases.length,
  );

  const attempt = async (job: JobPlan): Promise<JobEnd> => {
    if (ended.aborted) return 'stopped';
    const lease = free.shift() as Lease;
    try {
      return await run(job, lease);
    } catch (error) {
      broken.abort(error);
      return 'failed';
    } finally {
      free.unshift(lease);
    }
  };

  /** Whether the job was completed, with as many attempts as it takes; the lease is free for others between them. */
  const complete = async (job: JobPlan): Promise<boolean> => {
    const ready = (await Promise.all(job.needs.map(isCompleted))).every(Boolean);
    while (ready && !ended.aborted) {
      const end = await queue.add(() => attempt(job), { priority: -ordered.indexOf(job) });
      if (typeof end !== 'object') return end === 'completed';
      // Cut short when the run ends, which the loop's condition then sees.
      await delay(end.retryInSeconds * 1000, undefined, { signal: ended }).catch(() => {});
    }
    return false;
  };

  const outcomes = new Map<string, Promise<boolean>>([...completed].map((id) => [id, Promise.resolve(true)]));
  const isCompleted = (id: string): Promise<boolean> => {
    const known = outcomes.get(id);
    if (known) return known;
    const job = jobs.find((candidate) => candidate.id === id);
    const outcome = job ? complete(job) : Promise.resolve(false);
    outcomes.set(id, outcome);
    return outcome;
  };
  await Promise.all(ordered.map((job) => isCompleted(job.id)));
  if (broken.signal.aborted) throw broken.signal.reason;
}

/** Jobs that need the same become ready together. */
function inOrder(jobs: readonly JobPlan[], places: number): JobPlan[] {
  const needs = (job: JobPlan) => job.needs.join();
  return [...new Set(jobs.map(needs))].flatMap((needed) => {
    const group = jobs.filter((job) => needs(job) === needed);
    const costs = group.map((job) => job.cost);
    return dispatchOrder(costs, places).map((index) => group[index] as JobPlan);
  });
}
