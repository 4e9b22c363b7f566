import type { Batch } from '../data/dataset.ts';

/**
 * The samples of micro-batch `index` of `count`: a run from the front of the batch and its mirror image from the back.
 *
 * Mixup and cutmix pair sample i with sample B-1-i. Taking both ends keeps every pair within one micro-batch, at places
 * that mirror each other, so accumulated gradients equal those of the whole batch.
 */
export function microBatchRows(batch: number, count: number, index: number): number[] {
  if (count === 1) return Array.from({ length: batch }, (_, row) => row);
  const size = batch / count;
  const front = Math.ceil(size / 2);
  if (size % 2 === 1) return Array.from({ length: size }, (_, row) => index * size + row);
  const rows = Array.from({ length: front }, (_, row) => index * front + row);
  return [...rows, ...rows.map((row) => batch - 1 - row).reverse()];
}

/** The given samples of a batch, copied; the batch itself if they are all of it. */
export function selectRows(batch: Batch, rows: readonly number[]): Batch {
  const size = batch.labels.length;
  if (rows.length === size) return batch;
  const imageBytes = batch.images.length / size;
  const images = new Uint8Array(rows.length * imageBytes);
  rows.forEach((row, index) => {
    images.set(batch.images.subarray(row * imageBytes, (row + 1) * imageBytes), index * imageBytes);
  });
  return {
    images,
    labels: Int32Array.from(rows, (row) => batch.labels[row] as number),
    weights: Float32Array.from(rows, (row) => batch.weights[row] as number),
  };
}
