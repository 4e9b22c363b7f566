import { IncubateError } from '../util/errors.ts';
import { permutation, randomStream } from '../util/random.ts';
import type { Batch, Split } from './dataset.ts';
import { type Augmentation, drawPlacement, type Placement, placeImage, unchanged } from './transforms/placement.ts';

interface BatchFormat {
  readonly batchSize: number;
  readonly imageSize: number;
  readonly channels: number;
  /** Batches that are prepared while earlier ones are used. */
  readonly prefetch: number;
}

export interface TrainBatchOptions extends BatchFormat {
  readonly seed: number;
  /** Separates the orders and augmentations of jobs that read the same images. */
  readonly stream: string;
  readonly epoch: number;
  /** Batch of the epoch to start with. */
  readonly firstBatch: number;
  readonly augment: Augmentation;
}

/**
 * Full batches in an epoch; the surplus images of an epoch are left out.
 *
 * @throws DATA_TOO_FEW where the images do not fill one batch.
 */
export function batchesPerEpoch(images: number, batchSize: number): number {
  if (images < batchSize) {
    throw new IncubateError('DATA_TOO_FEW', `${images} training images do not fill a batch of ${batchSize}`, {
      hint: `Add images, or set training.batchSize to at most ${images}.`,
    });
  }
  return Math.floor(images / batchSize);
}

/** The batches of an epoch in an order that depends on (seed, stream, epoch) alone, from `firstBatch` on. */
export function trainBatches(split: Split, options: TrainBatchOptions): AsyncGenerator<Batch> {
  const { seed, stream, epoch, batchSize, augment, firstBatch } = options;
  const order = permutation(split.length, randomStream(seed, `order/${stream}`, epoch));
  const count = batchesPerEpoch(split.length, batchSize) - firstBatch;
  return prefetched(count, options.prefetch, (batch) => {
    const from = (firstBatch + batch) * batchSize;
    const indices = order.subarray(from, from + batchSize);
    const placements = Array.from(indices, (index) => drawPlacement(augment, { seed, stream, epoch, index }));
    return assemble(split, [...indices], placements, options);
  });
}

/** All images in order; the last batch is filled up with black images of weight 0. */
export function evaluationBatches(split: Split, options: BatchFormat): AsyncGenerator<Batch> {
  const { batchSize } = options;
  return prefetched(Math.ceil(split.length / batchSize), options.prefetch, (batch) => {
    const from = batch * batchSize;
    const size = Math.min(batchSize, split.length - from);
    const indices = Array.from({ length: size }, (_, index) => from + index);
    return assemble(
      split,
      indices,
      indices.map(() => unchanged),
      options,
    );
  });
}

async function assemble(
  split: Split,
  indices: readonly number[],
  placements: readonly Placement[],
  { batchSize, imageSize, channels }: BatchFormat,
): Promise<Batch> {
  const imageBytes = imageSize * imageSize * channels;
  const images = new Uint8Array(batchSize * imageBytes);
  const labels = new Int32Array(batchSize);
  const weights = new Float32Array(batchSize);
  const place = (image: Uint8Array, slot: number) =>
    placeImage(image, imageSize, channels, placements[slot] as Placement, images, slot * imageBytes);
  const pending: Promise<void>[] = [];
  for (const [slot, index] of indices.entries()) {
    labels[slot] = split.label(index);
    weights[slot] = 1;
    const image = split.image(index);
    if (image instanceof Uint8Array) place(image, slot);
    else pending.push(image.then((decoded) => place(decoded, slot)));
  }
  await Promise.all(pending);
  return { images, labels, weights };
}

/**
 * Yields the results of `prepare(0)`, `prepare(1)`, … in order, with the next ones already under way: images decode in
 * threads of their own while the consumer computes. A failed preparation is thrown where its batch is asked for.
 */
async function* prefetched(
  count: number,
  ahead: number,
  prepare: (batch: number) => Promise<Batch>,
): AsyncGenerator<Batch> {
  const queue: Promise<Batch>[] = [];
  for (let next = 0; next < count || queue.length > 0; ) {
    while (next < count && queue.length <= ahead) {
      const batch = prepare(next++);
      // Handled when it is awaited; a consumer that stops early must not leave an unhandled rejection behind.
      batch.catch(() => {});
      queue.push(batch);
    }
    yield await (queue.shift() as Promise<Batch>);
  }
}
