import type { SampleBatch } from '../data/dataset.ts';

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
export function selectRows<Kind extends SampleBatch>(batch: Kind, rows: readonly number[]): Kind;
export function selectRows(batch: SampleBatch, rows: readonly number[]): SampleBatch {
  if ('tokens' in batch) {
    const { tokens, lengths } = batch;
    if (rows.length === lengths.length) return batch;
    return {
      tokens: picked(tokens, lengths.length, rows, (length) => new Int32Array(length)),
      lengths: picked(lengths, lengths.length, rows, (length) => new Int32Array(length)),
    };
  }
  const { images, labels, weights } = batch;
  if (rows.length === labels.length) return batch;
  return {
    images: picked(images, labels.length, rows, (length) => new Uint8Array(length)),
    labels: picked(labels, labels.length, rows, (length) => new Int32Array(length)),
    weights: picked(weights, labels.length, rows, (length) => new Float32Array(length)),
  };
}

/** Rows of an array that has `count` of them. */
function picked<Values extends Uint8Array | Int32Array | Float32Array>(
  values: Values,
  count: number,
  rows: readonly number[],
  create: (length: number) => Values,
): Values {
  const width = values.length / count;
  const result = create(rows.length * width);
  for (const [index, row] of rows.entries()) {
    result.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return result;
}
