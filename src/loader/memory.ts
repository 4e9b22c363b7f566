import type { RunConfig } from '../config/schema.ts';
import { slotBytes } from './batch-slots.ts';

/** How a loader divides the memory that it may take. */
export interface MemoryPlan {
  /** Of the file that it shares, bytes. */
  readonly sharedBytes: number;
  /** Of decoded images that it keeps to itself, MiB. */
  readonly privateMiB: number;
  /** Batches in the shared file, and their length in bytes; none where images are shared. */
  readonly slots: number;
  readonly slotBytes: number;
}

/**
 * Where images are shared, all memory is theirs. Where batches are, decoded images stay with the loader if all of them
 * fit beside as many batches as the jobs need at once; otherwise all memory is for batches, of which those jobs that lag
 * behind find the more.
 *
 * @param images training and validation images
 * @param jobs that run at a time
 */
export function planMemory({ model, data, training }: RunConfig, images: number, jobs: number): MemoryPlan {
  const budget = data.cacheMiB * MIB;
  const imageBytes = model.imageSize ** 2 * model.channels;
  if (data.sharing !== 'batches') return { sharedBytes: budget, privateMiB: 0, slots: 0, slotBytes: 0 };
  const bytes = slotBytes(training.batchSize, imageBytes);
  const needed = jobs * (data.prefetch + 1) + 1;
  // What a split's cache takes as a whole.
  const keepsImages = images * imageBytes + needed * bytes <= budget;
  const room = keepsImages ? budget - images * imageBytes : budget;
  const slots = Math.min(MAX_SLOTS, Math.max(Math.floor(room / bytes), FEWEST_SLOTS));
  const privateMiB = keepsImages ? (images * imageBytes) / MIB : 0;
  return { sharedBytes: slots * bytes, privateMiB, slots, slotBytes: bytes };
}

const MIB = 2 ** 20;
/** One that is written, and one that is read. */
const FEWEST_SLOTS = 2;
/** Jobs that are so many batches apart are apart for good. */
const MAX_SLOTS = 1024;
