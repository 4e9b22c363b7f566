import type { RunConfig } from '../config/schema.ts';
import type { BatchFormat, TrainBatchOptions } from './batches.ts';

/** Name of the stream that all module jobs read where they share batches. */
const SHARED_STREAM = 'shared';

/** How a configuration's training batches are made: the same for whoever assembles them. */
export function trainBatchOptions(
  config: RunConfig,
  at: Pick<TrainBatchOptions, 'stream' | 'epoch' | 'firstBatch'>,
): TrainBatchOptions {
  const { padding, flip } = config.data;
  return { ...at, ...batchFormat(config), seed: config.seed, augment: { padding, flip } };
}

export function batchFormat({ model, data, training }: RunConfig): BatchFormat {
  const { imageSize, channels } = model;
  return { batchSize: training.batchSize, imageSize, channels, prefetch: data.prefetch };
}

/** Keys the order and the augmentation of a job's data: by its own name, unless modules share their batches. */
export function dataName(
  job: { readonly id: string; readonly kind: string },
  sharing: RunConfig['data']['sharing'],
): string {
  return sharing === 'batches' && job.kind === 'module' ? SHARED_STREAM : job.id;
}
