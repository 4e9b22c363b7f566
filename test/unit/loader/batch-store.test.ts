import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Batch, BatchKey } from '../../../src/data/dataset.ts';
import { readBatch, slotBytes } from '../../../src/loader/batch-slots.ts';
import { type BatchAnswer, createBatchStore, HOLD_LIMIT } from '../../../src/loader/batch-store.ts';
import { createSharedFile, openSharedFile, type SharedFile } from '../../../src/loader/shared-file.ts';
import { IncubateError } from '../../../src/util/errors.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const SIZE = 3;
const imageBytes = 5;
const bytes = slotBytes(SIZE, imageBytes);
const directory = join(temporaryDirectory(), 'incubate-batch-store-test');
mkdirSync(directory);
const file = createSharedFile(directory, new Int32Array(0), 100 * bytes);
const shared = openSharedFile(file.path, file.mark);
afterAll(() => {
  shared.close();
  file.close();
});

/** A batch whose every byte says which one it is. */
function batchOf({ index }: BatchKey): Batch {
  return {
    images: new Uint8Array(SIZE * imageBytes).fill(index),
    labels: new Int32Array(SIZE).fill(-index),
    weights: new Float32Array(SIZE).fill(index / 2),
  };
}

const keyOf = (index: number): BatchKey => ({ kind: 'train', stream: 'shared', epoch: 0, index });

function storeOf(slots: number, options: { readonly takes?: () => Promise<unknown>; readonly to?: SharedFile } = {}) {
  const assembled: number[] = [];
  const store = createBatchStore({
    file: options.to ?? file,
    slots,
    bytes,
    async assemble(key) {
      assembled.push(key.index);
      await options.takes?.();
      if (key.index >= 1000) throw new IncubateError('DATA_IMAGE', `image of batch ${key.index}`);
      return batchOf(key);
    },
    place: ({ index }) => ({ sequence: 'train/shared', position: index }),
  });
  return { store, assembled };
}

/** A reader that keeps what it is answered. */
function readerOf(store: ReturnType<typeof storeOf>['store']) {
  const answers = new Map<number, BatchAnswer>();
  const reader = store.open((id, answer) => answers.set(id, answer));
  return {
    ...reader,
    answers,
    async answerTo(id: number): Promise<BatchAnswer> {
      while (!answers.has(id)) await delay(1);
      return answers.get(id) as BatchAnswer;
    },
    /** What lies where the answer says; undefined where that is something else by now. */
    async readOf(id: number): Promise<Batch | undefined> {
      const answer = await this.answerTo(id);
      if ('failed' in answer) throw new Error('there is no batch');
      return readBatch(shared.read, { ...answer, imageBytes });
    },
  };
}

describe('the batch store', () => {
  it('assembles a batch once for all who ask while it is there', async () => {
    const { store, assembled } = storeOf(4);
    const readers = [readerOf(store), readerOf(store), readerOf(store)];
    for (let index = 0; index < 3; index++) {
      for (const reader of readers) reader.ask(index, keyOf(index));
      for (const reader of readers) {
        expect(await reader.readOf(index)).toEqual(batchOf(keyOf(index)));
        reader.done(index);
      }
    }
    expect(assembled).toEqual([0, 1, 2]);
  });

  it('keeps what those who lag behind will want next', async () => {
    const { store, assembled } = storeOf(4);
    const [fast, slow] = [readerOf(store), readerOf(store)];
    slow.ask(0, keyOf(0));
    await slow.readOf(0);
    slow.done(0);
    for (let index = 0; index < 8; index++) {
      fast.ask(index, keyOf(index));
      expect(await fast.readOf(index)).toEqual(batchOf(keyOf(index)));
      fast.done(index);
    }
    expect(assembled).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (let index = 1; index < 4; index++) {
      slow.ask(index, keyOf(index));
      expect(await slow.readOf(index)).toEqual(batchOf(keyOf(index)));
      slow.done(index);
    }
    expect(assembled).toHaveLength(8);
  });

  it('leaves slots to others where a reader does not go on, and what it holds untouched', async () => {
    const { store } = storeOf(5);
    const [stuck, other] = [readerOf(store), readerOf(store)];
    for (let index = 0; index < 5; index++) stuck.ask(index, keyOf(index));
    await stuck.answerTo(1);
    for (let index = 10; index < 30; index++) {
      other.ask(index, keyOf(index));
      expect(await other.readOf(index)).toEqual(batchOf(keyOf(index)));
      other.done(index);
    }
    expect(await stuck.readOf(0)).toEqual(batchOf(keyOf(0)));
    expect(await stuck.readOf(1)).toEqual(batchOf(keyOf(1)));
    // Its share: of five slots, two.
    expect([...stuck.answers.keys()]).toEqual([0, 1]);
  });

  it('takes slots from readers that hold all of them for long, which these can tell', async () => {
    const { store } = storeOf(2);
    const first = readerOf(store);
    first.ask(0, keyOf(0));
    await first.answerTo(0);
    const second = readerOf(store);
    second.ask(1, keyOf(1));
    await second.answerTo(1);
    const third = readerOf(store);
    third.ask(2, keyOf(2));
    store.look(performance.now());
    await delay(20);
    expect(third.answers.size).toBe(0);
    store.look(performance.now() + HOLD_LIMIT);
    expect(await third.readOf(2)).toEqual(batchOf(keyOf(2)));
    const left = [await first.readOf(0), await second.readOf(1)];
    expect(left.filter((batch) => batch === undefined)).toHaveLength(1);
  });

  it('gives back what a reader held when it goes, also while it waits', async () => {
    const { store } = storeOf(2, { takes: () => delay(5) });
    for (let round = 0; round < 20; round++) {
      const reader = readerOf(store);
      for (let index = 0; index < 4; index++) reader.ask(index, keyOf(round * 10 + index));
      if (round % 2 === 0) await reader.answerTo(0);
      reader.close();
    }
    const last = readerOf(store);
    last.ask(0, keyOf(500));
    expect(await last.readOf(0)).toEqual(batchOf(keyOf(500)));
  });

  it('passes on why a batch cannot be assembled, to all who wait for it, and tries again when it is asked again', async () => {
    const { store, assembled } = storeOf(3, { takes: () => delay(5) });
    const readers = [readerOf(store), readerOf(store)];
    for (const reader of readers) reader.ask(0, keyOf(1000));
    for (const reader of readers)
      expect(await reader.answerTo(0)).toMatchObject({ failed: true, error: { code: 'DATA_IMAGE' } });
    expect(assembled).toEqual([1000]);
    for (let id = 1; id < 6; id++) {
      readers[0]?.ask(id, keyOf(1000));
      await readers[0]?.answerTo(id);
    }
    readers[1]?.ask(1, keyOf(7));
    expect(await readers[1]?.readOf(1)).toEqual(batchOf(keyOf(7)));
  });

  it('sends readers away where there is no memory', async () => {
    const full: SharedFile = {
      ...file,
      write() {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    };
    const { store } = storeOf(2, { to: full });
    const reader = readerOf(store);
    for (let id = 0; id < 5; id++) {
      reader.ask(id, keyOf(id));
      expect(await reader.answerTo(id)).toEqual({ failed: true });
    }
  });

  it('answers every reader with its own batches in its own order, whatever the others do', async () => {
    const step = fc.record({
      reader: fc.nat(3),
      what: fc.constantFrom('ask', 'ask', 'ask', 'read', 'read', 'leave'),
      index: fc.nat(12),
      pause: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 6 }), fc.array(step, { maxLength: 60 }), async (slots, steps) => {
        const { store } = storeOf(slots);
        const readers = Array.from({ length: 4 }, () => ({ ...readerOf(store), asked: [] as number[], read: 0 }));
        const readNext = async (reader: (typeof readers)[number]) => {
          const index = reader.asked[reader.read];
          if (index === undefined) return;
          const id = reader.read;
          const deadline = Date.now() + 5_000;
          while (!reader.answers.has(id)) {
            // Others that hold slots read on.
            for (const other of readers) if (other !== reader && other.answers.has(other.read)) finish(other);
            if (Date.now() > deadline) throw new Error('no answer');
            await delay(0);
          }
          expect(await reader.readOf(id)).toEqual(batchOf(keyOf(index)));
          reader.done(id);
          reader.read += 1;
        };
        const finish = (reader: (typeof readers)[number]) => {
          const answer = reader.answers.get(reader.read) as { offset: number; generation: number; batchSize: number };
          const index = reader.asked[reader.read] as number;
          expect(readBatch(shared.read, { ...answer, imageBytes })).toEqual(batchOf(keyOf(index)));
          reader.done(reader.read);
          reader.read += 1;
        };
        for (const { reader: which, what, index, pause } of steps) {
          const reader = readers[which] as (typeof readers)[number];
          if (what === 'ask') {
            reader.ask(reader.asked.length, keyOf(index));
            reader.asked.push(index);
          } else if (what === 'read') await readNext(reader);
          else {
            reader.close();
            readers[which] = { ...readerOf(store), asked: [], read: 0 };
          }
          if (pause) await delay(0);
        }
        for (const reader of readers) while (reader.read < reader.asked.length) await readNext(reader);
      }),
      { numRuns: 60 },
    );
  });
});
