import { readsText } from './data-formats.ts';
import type { RunConfig } from './schema.ts';

/** Settings of mixup and cutmix. */
export type MixSettings = Pick<RunConfig['training'], 'mixup' | 'cutmix' | 'mixProbability' | 'mixSwitch'>;

/** Whether any images are mixed with others. */
export function mixes({ data, training }: Pick<RunConfig, 'data' | 'training'>): boolean {
  const { mixProbability, mixup, cutmix } = training;
  return !readsText({ data }) && mixProbability > 0 && (mixup > 0 || cutmix > 0);
}
