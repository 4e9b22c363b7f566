import type { JournalEvent } from '../../src/protocol/messages.ts';
import type { RunRecord } from '../../src/protocol/run.ts';

export interface JournalRules {
  readonly record: RunRecord;
  /** Jobs whose results were damaged from outside, for which they are repeated. */
  readonly repeatable?: ReadonlySet<string>;
}

/**
 * What a journal tells that must never be, one sentence each; none for a sound run.
 *
 * Events are numbered without gaps; attempts of a job are counted from 1 over all sessions; no lease is held twice at a
 * time, and no two loaders run; a job begins after what it needs; what is completed is not begun again, and completes alike if it is; retries stay
 * within their number; a finished attempt has begun and exited.
 */
export function journalViolations(events: readonly JournalEvent[], { record, repeatable }: JournalRules): string[] {
  const found: string[] = [];
  const needs = new Map(record.plan.jobs.map((job) => [job.id, job.needs]));
  const attempts = new Map<string, number>();
  const results = new Map<string, string>();
  const failures = new Map<string, number>();
  /** Attempts whose workers run, by job. */
  let running = new Map<string, { readonly attempt: number; readonly lease: string }>();
  let exited = new Map<string, number>();
  let hasLoader = false;

  for (const [index, event] of events.entries()) {
    const say = (what: string) => found.push(`event ${event.seq}: ${what}`);
    if (event.seq !== index + 1) say(`is number ${index + 1} in the file`);
    if (event.type === 'session-started') {
      running = new Map();
      exited = new Map();
      hasLoader = false;
    }
    if (event.type === 'loader-started') {
      if (hasLoader) say('a loader is begun while one runs');
      hasLoader = true;
    }
    if (event.type === 'loader-exited') hasLoader = false;
    if (!('job' in event)) continue;
    const { job, attempt } = event;
    if (event.type === 'job-started') {
      if (attempt !== (attempts.get(job) ?? 0) + 1)
        say(`attempt ${attempt} of ${job} follows ${attempts.get(job) ?? 0}`);
      attempts.set(job, attempt);
      const holder = [...running].find(([, { lease }]) => lease === event.lease);
      if (holder) say(`${event.lease} is given to ${job} while ${holder[0]} holds it`);
      if (running.has(job)) say(`${job} is begun while an attempt of it runs`);
      for (const needed of needs.get(job) ?? [])
        if (!results.has(needed)) say(`${job} is begun before ${needed} is done`);
      if (results.has(job) && !repeatable?.has(job)) say(`${job} is begun again though it is completed`);
      running.set(job, { attempt, lease: event.lease });
    } else if (event.type === 'job-exited') {
      if (running.get(job)?.attempt !== attempt) say(`attempt ${attempt} of ${job} exits without having begun`);
      running.delete(job);
      exited.set(job, attempt);
    } else if (event.type === 'job-completed' || event.type === 'job-failed' || event.type === 'job-stopped') {
      if (exited.get(job) !== attempt) say(`${event.type} of ${job} comes before its worker has exited`);
    } else if (event.type !== 'warning' && running.get(job)?.attempt !== attempt) {
      say(`${event.type} of attempt ${attempt} of ${job} comes while that does not run`);
    }
    if (event.type === 'job-completed') {
      const { weights, metrics, steps } = event.result;
      const result = JSON.stringify({ weights: weights.sha256, metrics, steps });
      const before = results.get(job);
      if (before !== undefined && before !== result) say(`${job} completes with ${result}, before with ${before}`);
      results.set(job, result);
      failures.set(job, 0);
    }
    // What is tried in another way, with smaller micro-batches, is no retry.
    if (event.type === 'job-failed' && event.accumulate === undefined) {
      const count = (failures.get(job) ?? 0) + 1;
      if (event.retryIn !== undefined && count > record.config.execution.retries)
        say(`${job} is retried ${count} times`);
      failures.set(job, event.retryIn === undefined ? 0 : count);
    }
  }
  return found;
}
