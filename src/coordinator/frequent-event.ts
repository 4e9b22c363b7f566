import { z } from 'zod';
import type { JournalEvent } from '../protocol/messages.ts';

const time = z.core.regexes.datetime({});
const job = /^[a-z][a-z0-9-]*$/;

/**
 * Whether a value is an event of the types that long journals consist of, such as the schema takes as it is. Where this
 * says no, the schema decides: this only spares it most of the work on 100,000 lines.
 */
export function isFrequentEvent(value: unknown): value is JournalEvent {
  if (!isObject(value)) return false;
  const { type } = value;
  return (type === 'epoch' || type === 'checkpoint') && isJobEvent(value) && checks[type](value);
}

type Loose = { readonly [key: string]: unknown };

/** The keys that each type has besides those of all events of jobs; with one more, an event is none of these. */
const checks: { readonly [Type in 'epoch' | 'checkpoint']: (event: Loose) => boolean } = {
  epoch: (event) =>
    isCount(event.epoch) &&
    isCount(event.epochs) &&
    isNumber(event.loss) &&
    isNumber(event.lr) &&
    isNumber(event.seconds) &&
    isEvaluation(event.evaluation) &&
    // Journals of before have no time of waiting.
    (event.dataSeconds === undefined ? hasKeys(event, 11) : isNumber(event.dataSeconds) && hasKeys(event, 12)),
  checkpoint: (event) => isCount(event.step) && typeof event.path === 'string' && hasKeys(event, 7),
};

function isJobEvent(event: Loose): boolean {
  return (
    isCount(event.seq) &&
    event.seq > 0 &&
    isCount(event.attempt) &&
    event.attempt > 0 &&
    typeof event.time === 'string' &&
    time.test(event.time) &&
    typeof event.job === 'string' &&
    job.test(event.job)
  );
}

function isEvaluation(value: unknown): boolean {
  if (!isObject(value)) return false;
  return isNumber(value.top1) && isNumber(value.top5) && isNumber(value.loss) && hasKeys(value, 3);
}

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function hasKeys(value: object, count: number): boolean {
  let found = 0;
  for (const _ in value) found += 1;
  return found === count;
}
