import { giveBack } from '../../src/data/batch-images.ts';
import { imagesOffset, readBatch, slotBytes, writeBatch } from '../../src/loader/batch-slots.ts';
import { createSharedFile, openSharedFile } from '../../src/loader/shared-file.ts';

export interface MemoryResult {
  /** Length of a batch's images, bytes. */
  readonly bytes: number;
  /** 10^9 bytes a second, best of some rounds: into memory that is there already, and out of it into such. */
  readonly write: number;
  readonly read: number;
}

const ROUNDS = 5;
/** Batches of a round. */
const SLOTS = 64;

/** How fast batches pass through shared memory. */
export function copyingBatches(batchSize: number, imageBytes: number, directory: string): MemoryResult {
  const slot = slotBytes(batchSize, imageBytes);
  const file = createSharedFile(directory, new Int32Array(0), SLOTS * slot);
  const reader = openSharedFile(file.path, file.mark);
  const bytes = slot - imagesOffset(batchSize);
  const batch = {
    images: Uint8Array.from({ length: bytes }, (_, index) => index),
    labels: new Int32Array(batchSize),
    weights: new Float32Array(batchSize),
  };
  const rate = (work: (offset: number) => void): number => {
    const rates = Array.from({ length: ROUNDS }, () => {
      const started = performance.now();
      for (let index = 0; index < SLOTS; index++) work(file.first + index * slot);
      return (SLOTS * bytes) / ((performance.now() - started) * 1e6);
    });
    return Math.max(...rates);
  };
  const write = rate((offset) => writeBatch(file, offset, batch, 1));
  const read = rate((offset) => {
    const found = readBatch(reader.read, { offset, batchSize, imageBytes, generation: 1 });
    if (!found) throw new Error('another batch');
    giveBack(found);
  });
  reader.close();
  file.close();
  return { bytes, write, read };
}
