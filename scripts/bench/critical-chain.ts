import type { JournalEvent } from '../../src/protocol/messages.ts';
import type { Plan } from '../../src/protocol/plan.ts';

/** A job on the chain that a run's length comes from: each waited for the one before it, as it needed its weights or its lease. */
export interface ChainLink {
  readonly job: string;
  /** Seconds from the end of the link before it, or of the session's start, to the start of its process. */
  readonly wait: number;
  /** From there to the beginning of its own work: Node, packages, data, engine, weights. */
  readonly start: number;
  /** Compilation, training and evaluation, as its result says. */
  readonly work: number;
  /** From there to the end of its process: writing weights and result. */
  readonly end: number;
}

export interface CriticalChain {
  readonly links: readonly ChainLink[];
  /** Seconds from the last job's end to the session's. */
  readonly rest: number;
  /** Of the session. */
  readonly seconds: number;
}

interface Span {
  readonly job: string;
  readonly lease: string;
  readonly from: number;
  readonly to: number;
  readonly work: number;
  /** When its own work began; unknown of an evaluation. */
  readonly begun: number | undefined;
}

/** Reads the chain off the journal of a run of one session whose jobs each took one attempt. Throws RangeError otherwise. */
export function criticalChain(events: readonly JournalEvent[], { jobs }: Plan): CriticalChain {
  const started = only(events.filter(({ type }) => type === 'session-started'));
  const ended = only(events.filter(({ type }) => type === 'session-ended'));
  const spans = jobs.map(({ id }) => spanOf(events, id));
  const needsOf = (span: Span) => jobs.find(({ id }) => id === span.job)?.needs ?? [];
  const links: ChainLink[] = [];
  let current: Span | undefined = spans.reduce((last, span) => (span.to > last.to ? span : last));
  const rest = secondsBetween(current.to, Date.parse(ended.time));
  while (current) {
    const span: Span = current;
    const before = spans.filter(
      ({ job, lease, to }) => to <= span.from && (lease === span.lease || needsOf(span).includes(job)),
    );
    const previous = before.reduce<Span | undefined>((last, one) => (last && last.to > one.to ? last : one), undefined);
    links.unshift(linkOf(span, previous?.to ?? Date.parse(started.time)));
    current = previous;
  }
  return { links, rest, seconds: secondsBetween(Date.parse(started.time), Date.parse(ended.time)) };
}

function linkOf({ job, from, to, work, begun }: Span, since: number): ChainLink {
  const whole = secondsBetween(from, to);
  const start = begun === undefined ? whole - work : secondsBetween(from, begun);
  return { job, wait: secondsBetween(since, from), start, work, end: whole - work - start };
}

function spanOf(events: readonly JournalEvent[], job: string): Span {
  const own = events.filter((event) => 'job' in event && event.job === job);
  const [from, to] = ['job-started', 'job-exited'].map((type) =>
    Date.parse(only(own.filter((e) => e.type === type)).time),
  );
  const lease = own.flatMap((event) => (event.type === 'job-started' ? [event.lease] : []))[0];
  const work = own.flatMap((event) => (event.type === 'job-completed' ? [event.result.seconds] : []))[0];
  if (from === undefined || to === undefined || lease === undefined || work === undefined) {
    throw new RangeError(`the journal does not have all of ${job}`);
  }
  const [compiled] = own.flatMap((event) => (event.type === 'compiled' ? [event] : []));
  const begun = compiled && Date.parse(compiled.time) - 1000 * compiled.seconds;
  return { job, lease, from, to, work, begun };
}

function only(events: readonly JournalEvent[]): JournalEvent {
  const [event] = events;
  if (event && events.length === 1) return event;
  throw new RangeError('the run is not one of a single session whose jobs each took one attempt');
}

const secondsBetween = (from: number, to: number) => (to - from) / 1000;
