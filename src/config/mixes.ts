import type { RunConfig } from './schema.ts';

/** Settings of mixup and cutmix. */
export type MixSettings = Pick<RunConfig['training'], 'mixup' | 'cutmix' | 'mixProbability' | 'mixSwitch'>;

/** Whether any images are mixed with others. */
export function mixes(settings: MixSettings): boolean {
  return settings.mixProbability > 0 && (settings.mixup > 0 || settings.cutmix > 0);
}
