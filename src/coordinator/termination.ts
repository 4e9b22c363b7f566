import type { Worker } from '../executors/executor.ts';

/** How hard the run is being ended. */
export type StopLevel = 'none' | 'stop' | 'terminate' | 'kill';

const order: readonly StopLevel[] = ['none', 'stop', 'terminate', 'kill'];

/** Milliseconds between SIGTERM and SIGKILL. */
const killDelay = 5_000;

/** The ladder on which all workers of a run are ended: stop message → SIGTERM → SIGKILL. */
export interface Termination {
  readonly stopping: boolean;
  /** Aborted once no more jobs may start. */
  readonly signal: AbortSignal;
  /** Climbs to a level, never down. From `stop` on, time climbs further by itself. */
  raise(level: Exclude<StopLevel, 'none'>): void;
  /** Climbs one level: what each further signal of the user does. */
  escalate(): void;
  /** Has the ladder applied to a worker until the returned function is called. */
  watch(worker: Worker): () => void;
}

/** @param stopGrace seconds that workers have to save and exit before SIGTERM */
export function createTermination(stopGrace: number): Termination {
  const controller = new AbortController();
  const workers = new Set<Worker>();
  let level: StopLevel = 'none';
  let timer: NodeJS.Timeout | undefined;

  const apply = (worker: Worker) => {
    if (level === 'stop') worker.send({ type: 'stop' });
    else if (level === 'terminate') worker.signal('SIGTERM');
    else if (level === 'kill') worker.signal('SIGKILL');
  };
  const climbAfter = (milliseconds: number, next: Exclude<StopLevel, 'none'>) => {
    timer = setTimeout(() => raise(next), milliseconds);
    // A run that has ended is not kept waiting by the ladder.
    timer.unref();
  };
  const raise = (next: Exclude<StopLevel, 'none'>) => {
    if (order.indexOf(next) <= order.indexOf(level)) return;
    level = next;
    clearTimeout(timer);
    controller.abort();
    for (const worker of workers) apply(worker);
    if (level === 'stop') climbAfter(stopGrace * 1000, 'terminate');
    else if (level === 'terminate') climbAfter(killDelay, 'kill');
  };

  return {
    get stopping() {
      return level !== 'none';
    },
    signal: controller.signal,
    raise,
    escalate: () => raise(order[Math.min(order.indexOf(level) + 1, order.length - 1)] as Exclude<StopLevel, 'none'>),
    watch(worker) {
      workers.add(worker);
      apply(worker);
      return () => workers.delete(worker);
    },
  };
}
