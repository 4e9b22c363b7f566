import type { RunConfig } from '../config/schema.ts';
import { IncubateError } from '../util/errors.ts';
import type { HostTensor } from '../util/tensor.ts';
import type { Progress } from './progress.ts';
import type { TrainingState } from './training-state.ts';

/** Whether one more step may change nothing. */
export function mayBeSkipped({ execution }: RunConfig, { skippedInRow }: Progress): boolean {
  return execution.onNonFinite === 'skip' && skippedInRow < execution.nonFiniteLimit;
}

export function countStep(progress: Progress, loss: number): void {
  const skipped = Number.isFinite(loss) ? 0 : 1;
  progress.step += 1;
  progress.lossSum += skipped ? 0 : loss;
  progress.skipped += skipped;
  progress.skippedInEpoch += skipped;
  progress.skippedInRow = skipped ? progress.skippedInRow + 1 : 0;
}

/** The key of the random streams of a job's data: order and augmentation. */
export function dataStream(name: string, rollbacks: number): string {
  return rollbacks === 0 ? name : `${name}/rollback-${rollbacks}`;
}

const calmer =
  'Lower the learning rate or lengthen the warm-up of this phase; a gradient norm limit (clip) can help too. Where single steps are at fault, --set execution.onNonFinite=skip or =rollback; a run that goes on takes it with --force.';

export function diverged(name: string, { step, skippedInRow }: Progress, epoch: number, loss: number): IncubateError {
  const before = skippedInRow === 0 ? '' : `, and the ${skippedInRow} steps before it were skipped`;
  return new IncubateError(
    'TRAINING_DIVERGED',
    `the loss of ${name} is ${loss} at step ${step} (epoch ${epoch + 1})${before}`,
    { hint: calmer },
  );
}

/** Throws TRAINING_DIVERGED naming a tensor that is not finite: such a state is no place to go on from. */
export function assertFinite(state: Omit<TrainingState, 'progress'>, name: string, step: number): void {
  for (const [group, tensors] of Object.entries(state)) {
    for (const [tensor, { data }] of Object.entries(tensors)) {
      if (areFinite(data)) continue;
      const what = group === 'parameters' || group === 'statistics' ? tensor : `${group} of ${tensor}`;
      throw new IncubateError('TRAINING_DIVERGED', `${what} of ${name} is not finite after ${step} steps`, {
        hint: calmer,
      });
    }
  }
}

/** A plain loop, several times as fast as `every`: the vectors are large, and each checkpoint takes it. */
function areFinite(data: HostTensor['data']): boolean {
  for (let index = 0; index < data.length; index++) {
    if (!Number.isFinite(data[index])) return false;
  }
  return true;
}
