import { createLogUpdate } from 'log-update';
import type { RunObserver } from '../coordinator/observer.ts';
import { advance, type JobState, type RunState } from '../coordinator/replay.ts';
import type { JournalEvent, ProgressMessage } from '../protocol/messages.ts';
import { eventText } from './event-text.ts';
import { jobLine } from './job-line.ts';
import type { Paint, TextStream } from './style.ts';

/** Milliseconds between two drawings. */
const interval = 120;

/** Events that stay on the screen above the lines of the jobs. */
const lasting: readonly JournalEvent['type'][] = [
  'warning',
  'rolled-back',
  'job-failed',
  'journal-recovered',
  'loader-exited',
];

/** Progress for a terminal: one line per job, rewritten in place; failures and warnings stay above them. */
export function liveProgress(stream: TextStream, paint: Paint, state: RunState): RunObserver {
  const log = createLogUpdate(stream);
  const jobs = new Map<string, JobState>(state.jobs);
  const latest = new Map<string, ProgressMessage>();
  let changed = true;

  const draw = () => {
    if (!changed) return;
    changed = false;
    const width = (stream.columns ?? 80) - 1;
    log([...jobs.values()].map((job) => jobLine(job, latest.get(job.id), width, paint)).join('\n'));
  };
  const timer = setInterval(draw, interval);
  timer.unref();

  return {
    event(event) {
      if ('job' in event) {
        const known = jobs.get(event.job);
        if (known) jobs.set(event.job, advance(known, event));
        if (event.type === 'job-started' || event.type === 'job-exited') latest.delete(event.job);
      }
      const text = lasting.includes(event.type) ? eventText(event, paint) : undefined;
      if (text !== undefined) log.persist(text);
      changed = true;
    },
    progress(job, message) {
      latest.set(job, message);
      changed = true;
    },
    notice(text) {
      log.persist(text);
      changed = true;
    },
    close() {
      clearInterval(timer);
      changed = true;
      draw();
      log.done();
    },
  };
}
