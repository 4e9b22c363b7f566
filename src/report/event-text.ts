import type { JournalEvent } from '../protocol/messages.ts';
import { formatDuration } from '../util/duration.ts';
import { countFigure, diagnosticsText, lossFigure } from './figures.ts';
import { evaluationText, mainFigure } from './measures.ts';
import type { Paint } from './style.ts';

/** What an event says to people, as a line or more; undefined for events that only machines need. */
export function eventText(event: JournalEvent, paint: Paint): string | undefined {
  if (!('job' in event)) return runEventText(event, paint);
  const text = jobEventText(event, paint);
  return text === undefined ? undefined : `${event.job.padEnd(10)} ${text}`;
}

function runEventText(event: Exclude<JournalEvent, { readonly job: string }>, paint: Paint): string | undefined {
  if (event.type === 'journal-recovered')
    return paint('yellow', `the journal ended in a torn line; ${event.bytes} bytes were cut off`);
  if (event.type !== 'loader-exited') return undefined;
  const { status, signal, reason, retryIn } = event;
  const why = reason ?? (signal === null ? `exited with status ${status}` : `was ended by ${signal}`);
  const next =
    retryIn === undefined ? 'jobs decode images for themselves' : `starts again in ${formatDuration(retryIn)}`;
  return paint('yellow', `warning: the loader ${why}; ${next}`);
}

function jobEventText(event: Extract<JournalEvent, { readonly job: string }>, paint: Paint): string | undefined {
  switch (event.type) {
    case 'job-started':
      return `started on ${event.lease}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
    case 'compiled':
      return `compiled for ${event.engine} in ${formatDuration(event.seconds)}: ${countFigure(event.trained)} parameters trained, ${countFigure(event.frozen)} frozen`;
    case 'resumed':
      return `goes on from step ${event.step}, epoch ${event.epoch}`;
    case 'epoch': {
      const overflowed = event.overflowed ? `  ${event.overflowed} steps overflowed` : '';
      const accuracy = event.evaluation ? `  ${mainFigure(event.evaluation)}` : '';
      return `epoch ${event.epoch}/${event.epochs}  loss ${lossFigure(event.loss)}${accuracy}  lr ${event.lr.toExponential(1)}  ${formatDuration(event.seconds)}${overflowed}`;
    }
    case 'evaluated':
      return `${event.what === 'cold' ? 'cold assembly' : 'evaluated'}: ${evaluationText(event.evaluation)}`;
    case 'diagnosed':
      return `interfaces: ${diagnosticsText(event.diagnostics)}`;
    case 'warning':
      return paint('yellow', `warning: ${event.message}`);
    case 'job-completed':
      return paint(
        'green',
        `completed in ${formatDuration(event.result.seconds)}: ${evaluationText(event.result.metrics)}`,
      );
    case 'job-stopped':
      return 'stopped';
    case 'job-failed': {
      const parts = event.accumulate === undefined ? '' : ` with ${event.accumulate} micro-batches per step`;
      const next = event.retryIn === undefined ? '' : `; next attempt in ${formatDuration(event.retryIn)}${parts}`;
      const log = (event.logTail ?? []).map((line) => `\n    | ${line}`).join('');
      return `${paint('red', `failed: ${event.error.message}`)}${next}${paint('dim', log)}`;
    }
    case 'skipped':
      return paint('yellow', `step ${event.step} is not finite (loss ${event.loss}) and was skipped`);
    case 'damaged':
      return paint('yellow', `warning: skips ${event.damaged} images so far: ${namesOf(event.images)}`);
    case 'rolled-back':
      return paint('yellow', `${event.reason}; goes on from step ${event.step} with the data in another order`);
    case 'job-state':
    case 'job-exited':
    case 'checkpoint':
      return undefined;
  }
}

/** The first of several messages, and how many more there are. */
function namesOf(messages: readonly string[]): string {
  const more = messages.length > 3 ? [`and ${messages.length - 3} more`] : [];
  return [...messages.slice(0, 3), ...more].join('; ');
}
