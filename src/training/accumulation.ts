import { mixes } from '../config/mixes.ts';
import type { RunConfig } from '../config/schema.ts';

/**
 * Twice as many micro-batches of half as many images each, or null where the batch cannot be divided so: by its size, or
 * as mixed images stay in pairs.
 */
export function halvedMicroBatches(training: RunConfig['training']): number | null {
  const accumulate = 2 * training.accumulate;
  const size = training.batchSize / accumulate;
  return Number.isInteger(size) && holdsPairs(training, size) ? accumulate : null;
}

/** Whether micro-batches of so many images leave every mixed pair whole. */
export function holdsPairs(training: RunConfig['training'], size: number): boolean {
  return size === training.batchSize || size % 2 === 0 || !mixes(training);
}
