import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Limits, type Stall, watchWorker } from '../../../src/coordinator/watchdog.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Stalls of a worker that beats once after so many seconds, by the second in which they were found. */
function stallsOf(limits: Partial<Limits>, firstBeat: number, seconds: number): [number, Stall['limit']][] {
  const stalls: [number, Stall['limit']][] = [];
  let second = 0;
  const watchdog = watchWorker(
    { heartbeatLimit: null, firstStepLimit: null, stepLimit: null, ...limits },
    { onState() {}, onStall: ({ limit }) => stalls.push([second, limit]) },
  );
  for (second = 1; second <= seconds; second++) {
    vi.advanceTimersByTime(1000);
    if (second === firstBeat) watchdog.beat({ state: 'starting', advances: 0 });
  }
  watchdog.dispose();
  return stalls;
}

test('a worker that is suspended before its first sign of life is ended, but may take 30 seconds to give it', () => {
  expect(stallsOf({ heartbeatLimit: 2 }, 29, 30)).toEqual([]);
  expect(stallsOf({ heartbeatLimit: 2 }, 29, 40)).toEqual([[32, 'heartbeatLimit']]);
  expect(stallsOf({ heartbeatLimit: 2 }, Infinity, 40)).toEqual([[31, 'heartbeatLimit']]);
  expect(stallsOf({ heartbeatLimit: 120 }, Infinity, 200)).toEqual([[121, 'heartbeatLimit']]);
  expect(stallsOf({}, Infinity, 200)).toEqual([]);
});
