import type { RunConfig } from '../config/schema.ts';
import type { DamagedImage } from '../data/dataset.ts';
import type { DamageDetails, SplitName } from '../protocol/messages.ts';
import { IncubateError } from '../util/errors.ts';
import type { Progress } from './progress.ts';

/** What of a job's progress says which images it has met that cannot be decoded. */
export type Met = Pick<Progress, 'damaged'>;

/**
 * Adds images that cannot be decoded to those that a job has met, and tells of those that are new.
 *
 * @throws DATA_DAMAGE where they are more than the job may skip
 */
export function meetDamage(
  { data }: RunConfig,
  job: string,
  met: Met,
  split: SplitName,
  images: readonly DamagedImage[],
  tell: (details: DamageDetails) => void,
): void {
  const before = met.damaged[split];
  const found = images.filter(({ index }) => !before.includes(index));
  if (found.length === 0) return;
  met.damaged = { ...met.damaged, [split]: [...before, ...found.map(({ index }) => index)] };
  const damaged = damagedImages(met);
  tell({ split, images: found.map(({ message }) => message), damaged });
  if (data.damageLimit === null || damaged <= data.damageLimit) return;
  throw new IncubateError(
    'DATA_DAMAGE',
    `${damaged} images that ${job} met cannot be decoded, and data.damageLimit allows ${data.damageLimit}`,
    {
      hint: 'The warnings before name them. Restore the files and resume, or raise the limit in a new run.',
    },
  );
}

export function damagedImages({ damaged }: Met): number {
  return damaged.train.length + damaged.validation.length;
}

export function nothingToEvaluate(images: number): IncubateError {
  return new IncubateError('DATA_DAMAGE', `none of the ${images} validation images can be decoded`, {
    hint: 'Restore the files; the warnings before say what is wrong with them.',
  });
}
