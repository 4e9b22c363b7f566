import { Worker } from 'node:worker_threads';
import type { LivingState } from '../protocol/pulse.ts';
import { messageOf } from '../util/errors.ts';
import { packagePath } from '../util/package.ts';

/** How a worker shows that it lives and gets on. */
export interface Pulse {
  /** Says what the worker does from now on. */
  enter(state: LivingState): void;
  /** Says that something has been done: a program has run, a file is written. */
  advance(): void;
}

/** What the beating thread is given. */
export interface PulseData {
  readonly descriptor: number;
  /** Holds the number of advances, which the main thread counts up. */
  readonly advances: Int32Array;
}

/**
 * Begins to beat on a pipe to the coordinator, from a thread of its own: an engine may block the main thread for as long
 * as a step takes. When the coordinator dies, the pipe closes and that thread kills the worker with all its descendants.
 *
 * @param descriptor of the pipe; a worker that was started by hand has none and does not beat
 */
export function startPulse(descriptor: string | undefined): Pulse {
  if (descriptor === undefined) return { enter() {}, advance() {} };
  const advances = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: PulseData = { descriptor: Number(descriptor), advances };
  const thread = new Worker(packagePath('dist/programs/pulse.js'), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  // The limits of the coordinator hold without beats too, though later.
  thread.on('error', (error) => console.error(`the thread that shows life has failed: ${messageOf(error)}`));
  thread.unref();
  let current: LivingState = 'starting';
  return {
    enter(state) {
      // Whatever is still done after the request to stop is part of stopping.
      if (state === current || current === 'stopping') return;
      current = state;
      thread.postMessage(state);
    },
    advance: () => void Atomics.add(advances, 0, 1),
  };
}
