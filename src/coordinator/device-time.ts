import type { RunConfig } from '../config/schema.ts';
import type { JournalEvent } from '../protocol/messages.ts';
import type { RunRecord } from '../protocol/run.ts';
import { withChanges } from './config-changes.ts';

/**
 * Seconds that devices were held for a run's jobs: of every attempt, failed and stopped ones too, the time from its worker's
 * start to its exit, times the share of a device that its lease is. A GPU is one device, which `devices.jobsPerGpu` leases
 * share; so are the whole processor, of which a job takes its share of the threads, and an adapter of WebGPU.
 *
 * An attempt whose coordinator was killed counts up to the session's last event.
 *
 * @param record as the run was created
 */
export function deviceSeconds({ plan, config: created }: RunRecord, events: Iterable<JournalEvent>): number {
  const threadsOfJob = new Map(plan.jobs.map(({ id, threads }) => [id, threads]));
  const allThreads = Math.max(...threadsOfJob.values());
  const shareOf = (job: string, { devices }: RunConfig): number => {
    switch (plan.leases[0]?.kind) {
      case 'gpu':
        return 1 / devices.jobsPerGpu;
      case 'webgpu':
        return 1 / (devices.slots ?? 1);
      default:
        return (threadsOfJob.get(job) ?? allThreads) / allThreads;
    }
  };

  let config = created;
  let last = 0;
  let seconds = 0;
  const running = new Map<string, { readonly from: number; readonly share: number }>();
  const end = (job: string, time: number) => {
    const attempt = running.get(job);
    if (attempt) seconds += ((time - attempt.from) / 1000) * attempt.share;
    running.delete(job);
  };
  const endAll = () => {
    for (const job of running.keys()) end(job, last);
  };
  for (const event of events) {
    const time = Date.parse(event.time);
    if (event.type === 'session-started' || event.type === 'journal-recovered') endAll();
    else if (event.type === 'reconfigured') config = withChanges(config, event.changes);
    else if (event.type === 'job-started') running.set(event.job, { from: time, share: shareOf(event.job, config) });
    else if (event.type === 'job-exited') end(event.job, time);
    last = time;
  }
  endAll();
  return seconds;
}
