import { randomStream } from '../../src/util/random.ts';

/** What is done to processes while a session runs. */
export const liveFaults = [
  'kill-worker',
  'crash-worker',
  'abort-worker',
  'terminate-worker',
  'pause-worker',
  'stall-worker',
  'fill-worker-disk',
  'fail-worker-fsync',
  'kill-coordinator',
  'interrupt-coordinator',
  'terminate-coordinator',
  'pause-coordinator',
  'fill-coordinator-disk',
  'rival-coordinator',
  'kill-loader',
  'pause-loader',
  'stall-loader',
] as const;
export type LiveFaultKind = (typeof liveFaults)[number];

/** What is done to the files of a run while nobody runs it. */
export const restFaults = [
  'tear-journal',
  'truncate-checkpoint',
  'flip-checkpoint',
  'remove-checkpoint-file',
  'add-checkpoint-file',
  'flip-weights',
  'change-slots',
] as const;
export type RestFaultKind = (typeof restFaults)[number];

export interface LiveFault {
  readonly kind: LiveFaultKind;
  /** Events of the session after which it comes. */
  readonly after: number;
  /** Milliseconds from then. */
  readonly delay: number;
  /** In [0, 1): which worker, how much space. */
  readonly choice: number;
}

export interface RestFault {
  readonly kind: RestFaultKind;
  /** In [0, 1): which job. */
  readonly job: number;
  /** In [0, 1): which file, which byte, how many slots. */
  readonly choice: number;
}

/** A time of a coordinator with a run, and what is done to the run after it. */
export interface SessionFaults {
  readonly live: readonly LiveFault[];
  readonly rest: readonly RestFault[];
}

/** Faults that are over sooner, or cost less to recover from, come more often. */
const often: readonly LiveFaultKind[] = ['kill-worker', 'kill-worker', 'kill-coordinator', 'kill-coordinator'];

/** The faults of one run, session by session: the same for the same seed and index. */
export function drawSchedule(seed: number, index: number): SessionFaults[] {
  const stream = randomStream(seed, 'soak', index);
  const pick = <T>(choices: readonly T[]) => choices[stream.integer(choices.length)] as T;
  return Array.from({ length: 2 + stream.integer(3) }, () => ({
    live: Array.from({ length: 2 + stream.integer(3) }, () => ({
      kind: pick([...liveFaults, ...often]),
      after: 1 + stream.integer(16),
      delay: stream.integer(400),
      choice: stream.uniform(),
    })).sort((a, b) => a.after - b.after),
    rest: Array.from({ length: stream.integer(3) }, () => ({
      kind: pick(restFaults),
      job: stream.uniform(),
      choice: stream.uniform(),
    })),
  }));
}
