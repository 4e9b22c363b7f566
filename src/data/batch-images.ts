import type { SampleBatch } from './dataset.ts';

/*
 * Images of batches that are over, for the next ones. Memory of this size comes fresh from the system each time, which costs
 * more than to copy a small batch into it.
 */
const kept: Uint8Array[] = [];

/** More than a job has in use at once are not kept. */
const MOST_KEPT = 4;

/** Room for the images of a batch, in bytes; what it holds is undefined. */
export function takeImages(length: number): Uint8Array {
  const place = kept.findIndex((images) => images.length === length);
  return place === -1 ? new Uint8Array(length) : (kept.splice(place, 1)[0] as Uint8Array);
}

/** Tells that nobody reads the images of this batch any more, so that another may take their place. */
export function giveBack(batch: SampleBatch): void {
  if (!('images' in batch) || kept.includes(batch.images)) return;
  if (kept.length === MOST_KEPT) kept.shift();
  kept.push(batch.images);
}
