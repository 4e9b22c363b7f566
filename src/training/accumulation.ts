import { mixes } from '../config/mixes.ts';
import type { RunConfig } from '../config/schema.ts';

/**
 * Twice as many micro-batches of half as many images each, or null where the batch cannot be divided so: by its size, or
 * as mixed images stay in pairs.
 */
export function halvedMicroBatches(config: Pick<RunConfig, 'data' | 'training'>): number | null {
  const { training } = config;
  const accumulate = 2 * training.accumulate;
  const size = training.batchSize / accumulate;
  return Number.isInteger(size) && holdsPairs(config, size) ? accumulate : null;
}

/** Whether micro-batches of so many images leave every mixed pair whole. */
export function holdsPairs(config: Pick<RunConfig, 'data' | 'training'>, size: number): boolean {
  return size === config.training.batchSize || size % 2 === 0 || !mixes(config);
}
