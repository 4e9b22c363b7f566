import { IncubateError } from '../util/errors.ts';
import { permutation, randomStream } from '../util/random.ts';
import { assemble, type BatchFormat, type Damage } from './assemble.ts';
import type { Batch, Split } from './dataset.ts';
import { epochPlaces } from './epoch-places.ts';
import { evaluationImage, trainingImage } from './prepare-image.ts';
import type { Augmentation } from './transforms/augmentation.ts';

export interface BatchOptions extends BatchFormat {
  /** Batches that are prepared while earlier ones are used. */
  readonly prefetch: number;
  /** What becomes of images that cannot be decoded: `fail` unless given. */
  readonly onDamage?: Damage;
}

export interface TrainBatchOptions extends BatchOptions {
  readonly seed: number;
  /** Separates the orders and augmentations of jobs that read the same images. */
  readonly stream: string;
  readonly epoch: number;
  /** Batch of the epoch to start with. */
  readonly firstBatch: number;
  readonly augment: Augmentation;
  /** Times that an image appears in an epoch, 1 unless given. */
  readonly repeats?: number;
}

export interface EvaluationBatchOptions extends BatchOptions {
  /** Share of the shorter side that is cut out of the centre of the stored images; unless given, all is seen, scaled. */
  readonly share?: number | undefined;
}

/** Where images repeat, an epoch is as long as DeiT's: the number of images, rounded down to a multiple of this. */
const REPEATED_MULTIPLE = 256;

/**
 * Full batches in an epoch; the surplus images, or sequences, of an epoch are left out.
 *
 * @throws DATA_TOO_FEW where they do not fill one batch.
 */
export function batchesPerEpoch(samples: number, batchSize: number, repeats = 1): number {
  if (samples < batchSize) {
    throw new IncubateError('DATA_TOO_FEW', `${samples} training samples do not fill a batch of ${batchSize}`, {
      hint: `Give more data, or set training.batchSize to at most ${samples}.`,
    });
  }
  const rounded = Math.floor(samples / REPEATED_MULTIPLE) * REPEATED_MULTIPLE;
  return Math.floor((repeats > 1 && rounded >= batchSize ? rounded : samples) / batchSize);
}

/** The batches of an epoch in an order that depends on (seed, stream, epoch) alone, from `firstBatch` on. */
export function trainBatches(split: Split, options: TrainBatchOptions): AsyncGenerator<Batch> {
  const { stream, epoch, batchSize, firstBatch, repeats } = options;
  const make = epochAssembler(split, options);
  const count = batchesPerEpoch(split.length, batchSize, repeats) - firstBatch;
  return prefetched(count, options.prefetch, (place) => {
    const index = firstBatch + place;
    return split.batch?.({ kind: 'train', stream, epoch, index }, make) ?? make(index);
  });
}

/** All images in order; the last batch is filled up with black images of weight 0. */
export function evaluationBatches(split: Split, options: EvaluationBatchOptions): AsyncGenerator<Batch> {
  const { batchSize } = options;
  const make = evaluationAssembler(split, options);
  return prefetched(
    Math.ceil(split.length / batchSize),
    options.prefetch,
    (index) => split.batch?.({ kind: 'evaluation', batchSize, index }, make) ?? make(index),
  );
}

/** Makes the batches of a training epoch, in any order: batch `index` is the same whatever was asked for before. */
export function epochAssembler(
  split: Split,
  options: Omit<TrainBatchOptions, 'firstBatch' | 'prefetch'>,
): (index: number) => Promise<Batch> {
  const { seed, stream, epoch, batchSize, repeats = 1, augment } = options;
  let order: Uint32Array | undefined;
  const prepare = trainingImage(split, augment, { seed, stream, epoch }, options);
  return async (index) => {
    order ??= permutation(split.length, randomStream(seed, `order/${stream}`, epoch));
    return assemble(split, epochPlaces(order, repeats, index * batchSize, batchSize), prepare, options);
  };
}

/** Makes the batches of an evaluation, in any order. */
export function evaluationAssembler(
  split: Split,
  options: Omit<EvaluationBatchOptions, 'prefetch'>,
): (index: number) => Promise<Batch> {
  const { batchSize } = options;
  const prepare = evaluationImage(split, options);
  return async (batch) => {
    const from = batch * batchSize;
    const size = Math.min(batchSize, split.length - from);
    const places = Array.from({ length: size }, (_, place) => ({ image: { index: from + place }, substitutes: [] }));
    return assemble(split, places, prepare, options);
  };
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
