import { giveBack } from '../data/batch-images.ts';
import type { Batch, BatchKey, DamagedImage } from '../data/dataset.ts';
import { hasErrno, type SerializedError, serializeError } from '../util/errors.ts';
import { writeBatch } from './batch-slots.ts';
import type { SharedFile } from './shared-file.ts';

/** What becomes of a request for a batch. */
export type BatchAnswer =
  | {
      readonly offset: number;
      readonly generation: number;
      readonly batchSize: number;
      readonly damaged?: readonly DamagedImage[];
    }
  /** Nothing can be done for it; without an error the consumer assembles the batch itself. */
  | { readonly failed: true; readonly error?: SerializedError };

/** One reader's requests, which are answered in their order. */
export interface BatchReader {
  /** Asks for a batch. A batch that is answered with its place stays there until `done`, or much longer than it takes. */
  ask(id: number, key: BatchKey): void;
  done(id: number): void;
  close(): void;
}

export interface BatchStore {
  open(answer: (id: number, answer: BatchAnswer) => void): BatchReader;
  /** Gives slots free that have been held for `HOLD_LIMIT`, where others wait for one. Called about once a second. */
  look(now: number): void;
  /** Batches that were assembled so far. */
  readonly assembled: number;
}

export interface BatchStoreOptions {
  readonly file: SharedFile;
  readonly slots: number;
  /** Length of a slot, bytes. */
  readonly bytes: number;
  /** Assembles a batch, of a size that a slot holds. */
  readonly assemble: (key: BatchKey) => Promise<Batch>;
  /** Where a batch stands among those that its readers read one after the other. */
  readonly place: (key: BatchKey) => { readonly sequence: string; readonly position: number };
}

/** Milliseconds for which nobody takes a slot from a reader that does not say that it has read it. */
export const HOLD_LIMIT = 5_000;

interface Entry {
  readonly name: string;
  readonly sequence: string;
  readonly position: number;
  readonly slot: number;
  readonly generation: number;
  /** Readers that hold it, or wait for it. */
  holds: number;
  state: 'assembling' | 'ready' | 'gone';
  batchSize: number;
  damaged: readonly DamagedImage[] | undefined;
  readonly waiting: ((answer: BatchAnswer) => void)[];
}

interface Hold {
  readonly entry: Entry;
  /** When the reader was told; undefined while the batch is assembled. */
  since: number | undefined;
}

interface Reader {
  readonly queue: { readonly id: number; readonly key: BatchKey }[];
  readonly holds: Map<number, Hold>;
  /** What it was given last, by sequence. */
  readonly positions: Map<string, number>;
  readonly answer: (id: number, answer: BatchAnswer) => void;
}

/**
 * Batches in slots of a shared file. Each is assembled when it is first asked for and kept for readers that come later, as
 * long as there are slots; one whose slot was needed is assembled again, with the same bytes.
 *
 * A reader holds at most its share of the slots, so that one that does not go on leaves some for the others.
 */
export function createBatchStore({ file, slots, bytes, assemble, place }: BatchStoreOptions): BatchStore {
  const entries = new Map<string, Entry>();
  const free = Array.from({ length: slots }, (_, slot) => file.first + (slots - 1 - slot) * bytes);
  const readers = new Set<Reader>();
  let generation = 0;
  let usable = slots;
  let assembled = 0;
  let isStarving = false;

  const share = () => Math.max(1, Math.floor((usable - 1) / readers.size));

  /** Answers what can be answered: one request of each reader after the other, as long as one has its share left. */
  const pump = () => {
    isStarving = false;
    for (let moved = true; moved; ) {
      moved = false;
      for (const reader of readers) {
        const next = reader.queue[0];
        if (!next || reader.holds.size >= share()) continue;
        if (usable === 0) reader.answer(next.id, { failed: true });
        else if (!serve(reader, next.id, next.key)) {
          isStarving = true;
          continue;
        }
        reader.queue.shift();
        moved = true;
      }
    }
  };

  const serve = (reader: Reader, id: number, key: BatchKey): boolean => {
    const name = JSON.stringify(key);
    const entry = entries.get(name) ?? begin(name, key);
    if (!entry) return false;
    reader.positions.set(entry.sequence, entry.position);
    const hold: Hold = { entry, since: undefined };
    reader.holds.set(id, hold);
    entry.holds += 1;
    const answer = (what: BatchAnswer) => {
      // The reader may have gone meanwhile.
      if (reader.holds.get(id) !== hold) return;
      hold.since = performance.now();
      if ('failed' in what) release(reader, id);
      reader.answer(id, what);
    };
    if (entry.state === 'ready') answer(placeOf(entry));
    else entry.waiting.push(answer);
    return true;
  };

  /** Begins to assemble a batch; undefined where every slot is in use. */
  const begin = (name: string, key: BatchKey): Entry | undefined => {
    const slot = free.pop() ?? evict();
    if (slot === undefined) return undefined;
    generation += 1;
    const entry: Entry = {
      name,
      ...place(key),
      slot,
      generation,
      holds: 0,
      state: 'assembling',
      batchSize: 0,
      damaged: undefined,
      waiting: [],
    };
    entries.set(name, entry);
    void fill(entry, key);
    return entry;
  };

  const fill = async (entry: Entry, key: BatchKey) => {
    const outcome = await assemble(key).then(
      (batch) => write(entry, batch),
      (error: unknown): BatchAnswer => ({ failed: true, error: serializeError(error) }),
    );
    if ('failed' in outcome) {
      entry.state = 'gone';
      entries.delete(entry.name);
      // A slot for which the system has no memory is used no more.
      if (outcome.error) free.push(entry.slot);
      else usable -= 1;
    } else entry.state = 'ready';
    for (const answer of entry.waiting.splice(0)) answer(outcome);
    pump();
  };

  const write = (entry: Entry, batch: Batch): BatchAnswer => {
    assembled += 1;
    entry.batchSize = batch.labels.length;
    entry.damaged = batch.damaged;
    try {
      writeBatch(file, entry.slot, batch, entry.generation);
      giveBack(batch);
      return placeOf(entry);
    } catch (error) {
      if (hasErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG', 'EIO')) return { failed: true };
      return { failed: true, error: serializeError(error) };
    }
  };

  /** Takes the slot that is of use to somebody the latest: behind all readers, or farthest before the nearest of them. */
  const evict = (): number | undefined => {
    let chosen: Entry | undefined;
    let farthest = -1;
    for (const entry of entries.values()) {
      if (entry.state !== 'ready' || entry.holds > 0) continue;
      const distance = distanceTo(entry);
      if (distance > farthest) [chosen, farthest] = [entry, distance];
    }
    if (!chosen) return undefined;
    entries.delete(chosen.name);
    return chosen.slot;
  };

  const distanceTo = ({ sequence, position }: Entry): number => {
    let nearest = Number.POSITIVE_INFINITY;
    for (const { positions } of readers) {
      const at = positions.get(sequence);
      if (at !== undefined && at < position) nearest = Math.min(nearest, position - at);
    }
    return nearest;
  };

  const release = (reader: Reader, id: number) => {
    const hold = reader.holds.get(id);
    if (!hold) return;
    reader.holds.delete(id);
    hold.entry.holds -= 1;
  };

  return {
    open(answer) {
      const reader: Reader = { queue: [], holds: new Map(), positions: new Map(), answer };
      readers.add(reader);
      return {
        ask(id, key) {
          reader.queue.push({ id, key });
          pump();
        },
        done(id) {
          release(reader, id);
          pump();
        },
        close() {
          readers.delete(reader);
          for (const id of [...reader.holds.keys()]) release(reader, id);
          pump();
        },
      };
    },
    look(now) {
      if (!isStarving) return;
      for (const reader of readers) {
        for (const [id, { since }] of reader.holds) {
          if (since !== undefined && now - since >= HOLD_LIMIT) release(reader, id);
        }
      }
      pump();
    },
    get assembled() {
      return assembled;
    },
  };
}

function placeOf({ slot, generation, batchSize, damaged }: Entry): BatchAnswer {
  return { offset: slot, generation, batchSize, ...(damaged && { damaged }) };
}
