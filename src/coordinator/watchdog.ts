import type { RunConfig } from '../config/schema.ts';
import type { Beat, LivingState } from '../protocol/pulse.ts';

/** Seconds that a worker may take; null where there is no limit. */
export type Limits = Pick<RunConfig['execution'], 'heartbeatLimit' | 'firstStepLimit' | 'stepLimit'>;

/** A worker that passed a limit. */
export interface Stall {
  /** The setting that says how long it may be so. */
  readonly limit: keyof Limits;
  readonly state: LivingState;
  readonly seconds: number;
}

/** Keeps one worker's state, as its beats tell it. */
export interface Watchdog {
  readonly state: LivingState;
  beat(beat: Beat): void;
  /** Something was done, as a message says. */
  advance(): void;
  dispose(): void;
}

export interface WatchdogListener {
  /** The worker's state is another one than before. */
  onState(state: LivingState): void;
  /** A limit was passed; called once. */
  onStall(stall: Stall): void;
}

/** A later step may take so many times as long as the longest before it, however short `stepLimit` is. */
const SLACK = 10;
/** Seconds that a process may take to begin to beat, however short `heartbeatLimit` is. */
const FIRST_BEAT = 30;
/** Seconds between two looks at the clock, at most. */
const LONGEST_LOOK = 1;

/**
 * Watches a worker: it must not be silent for `heartbeatLimit`, must have done its first step within `firstStepLimit` of its
 * start, and every later one within `stepLimit`.
 *
 * Time is added up look by look, each counting for little more than it should have taken: a coordinator that was suspended
 * itself does not take its own absence for the worker's.
 */
export function watchWorker(limits: Limits, { onState, onStall }: WatchdogListener): Watchdog {
  const { heartbeatLimit, firstStepLimit, stepLimit } = limits;
  const shortest = Math.min(...[heartbeatLimit, firstStepLimit, stepLimit].map((limit) => limit ?? Infinity));
  const interval = Math.min(LONGEST_LOOK, shortest / 4);
  let state: LivingState = 'starting';
  let advances = 0;
  let isBeating = false;
  let hasAdvanced = false;
  let silence = 0;
  let standstill = 0;
  let longest = 0;
  let lookedAt = performance.now();

  const look = () => {
    const now = performance.now();
    const passed = Math.min((now - lookedAt) / 1000, 2 * interval);
    lookedAt = now;
    standstill += passed;
    silence += passed;
    const step = stepLimit === null ? null : Math.max(stepLimit, SLACK * longest);
    const beat = heartbeatLimit === null || isBeating ? heartbeatLimit : Math.max(heartbeatLimit, FIRST_BEAT);
    if (exceeds(silence, beat)) stop('heartbeatLimit', silence);
    else if (!hasAdvanced && exceeds(standstill, firstStepLimit)) stop('firstStepLimit', standstill);
    else if (hasAdvanced && exceeds(standstill, step)) stop('stepLimit', standstill);
  };
  const timer = setInterval(look, interval * 1000);
  // The worker keeps the coordinator waiting, and not who watches it.
  timer.unref();
  const stop = (limit: keyof Limits, seconds: number) => {
    clearInterval(timer);
    onStall({ limit, state, seconds });
  };
  const advance = () => {
    hasAdvanced = true;
    longest = Math.max(longest, standstill);
    standstill = 0;
  };

  return {
    get state() {
      return state;
    },
    beat(beat) {
      isBeating = true;
      silence = 0;
      if (beat.advances > advances) advance();
      advances = beat.advances;
      if (beat.state === state) return;
      state = beat.state;
      onState(state);
    },
    advance,
    dispose: () => clearInterval(timer),
  };
}

function exceeds(seconds: number, limit: number | null): boolean {
  return limit !== null && seconds > limit;
}
