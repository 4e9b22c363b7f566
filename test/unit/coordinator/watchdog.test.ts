import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Limits, type Stall, watchWorker } from '../../../src/coordinator/watchdog.ts';
import { type Beat, beatLine, createBeatReader, type LivingState } from '../../../src/protocol/pulse.ts';

const none: Limits = { heartbeatLimit: null, firstStepLimit: null, stepLimit: null };

function watch(limits: Partial<Limits>) {
  const stalls: Stall[] = [];
  const states: LivingState[] = [];
  const dog = watchWorker(
    { ...none, ...limits },
    { onState: (state) => void states.push(state), onStall: (stall) => void stalls.push(stall) },
  );
  return { dog, stalls, states };
}

test('a coordinator that was suspended itself does not take its absence for the worker’s', async () => {
  const { dog, stalls } = watch({ heartbeatLimit: 2, firstStepLimit: 2 });
  dog.beat({ state: 'running', advances: 0 });
  await delay(600);
  // Nothing is served meanwhile, as when the process is stopped.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
  await delay(50);
  expect(stalls).toEqual([]);
  await expect.poll(() => stalls, { timeout: 5_000 }).toHaveLength(1);
  dog.dispose();
});

test('a limit that is passed is told once, with the state', async () => {
  const { dog, stalls, states } = watch({ firstStepLimit: 0.4 });
  dog.beat({ state: 'compiling', advances: 0 });
  await delay(1200);
  expect(stalls).toEqual([{ limit: 'firstStepLimit', state: 'compiling', seconds: expect.closeTo(0.5, 0) }]);
  expect(states).toEqual(['compiling']);
  dog.dispose();
});

test('slow steps make the limit of later ones longer, and progress that is told counts without beats', async () => {
  const { dog, stalls } = watch({ stepLimit: 0.2 });
  await delay(500);
  dog.advance();
  await delay(1000);
  expect(stalls).toEqual([]);
  const quick = watch({ stepLimit: 0.2 });
  quick.dog.advance();
  await delay(600);
  expect(quick.stalls).toMatchObject([{ limit: 'stepLimit' }]);
  dog.dispose();
});

test('beats are read whole, however they are cut, and rubbish between them is passed over', () => {
  const state = fc.constantFrom<LivingState>('starting', 'compiling', 'running', 'checkpointing', 'stopping');
  const beat = fc.record<Beat>({ state, advances: fc.nat() });
  const rubbish = fc.string({ maxLength: 200 }).map((text) => `x${text.replaceAll('\n', '')}\n`);
  const lines = fc.array(fc.oneof(beat, rubbish));
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 9 }), (entries, size) => {
      const text = entries.map((entry) => (typeof entry === 'string' ? entry : beatLine(entry))).join('');
      const read: Beat[] = [];
      const feed = createBeatReader((found) => void read.push(found));
      for (let at = 0; at < text.length; at += size) feed(text.slice(at, at + size));
      expect(read).toEqual(entries.filter((entry) => typeof entry !== 'string'));
    }),
  );
});
