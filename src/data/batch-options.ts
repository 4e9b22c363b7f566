import type { RunConfig } from '../config/schema.ts';
import type { BatchOptions, EvaluationBatchOptions, TrainBatchOptions } from './batches.ts';
import { augmentationOf, evaluationShare } from './transforms/augmentation.ts';

/** Name of the stream that all module jobs read where they share batches. */
const SHARED_STREAM = 'shared';

/** How a configuration's training batches are made: the same for whoever assembles them. */
export function trainBatchOptions(
  config: RunConfig,
  at: Pick<TrainBatchOptions, 'stream' | 'epoch' | 'firstBatch'>,
): TrainBatchOptions {
  const { training, data, seed } = config;
  const options = batchOptions(config, training.batchSize);
  return { ...at, ...options, seed, augment: augmentationOf(config), repeats: data.repeats };
}

/** The same of its evaluations. */
export function evaluationBatchOptions(config: RunConfig, batchSize: number): EvaluationBatchOptions {
  return { ...batchOptions(config, batchSize), share: evaluationShare(config) };
}

function batchOptions({ model, data }: RunConfig, batchSize: number): BatchOptions {
  const { imageSize, channels } = model;
  return { batchSize, imageSize, channels, prefetch: data.prefetch, onDamage: data.onDamage };
}

/** Keys the order and the augmentation of a job's data: by its own name, unless modules share their batches. */
export function dataName(
  job: { readonly id: string; readonly kind: string },
  sharing: RunConfig['data']['sharing'],
): string {
  return sharing === 'batches' && job.kind === 'module' ? SHARED_STREAM : job.id;
}
