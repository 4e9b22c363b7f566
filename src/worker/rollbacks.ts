import type { RunConfig } from '../config/schema.ts';
import type { WorkerMessage } from '../protocol/messages.ts';
import type { TrainingOutcome } from '../training/trainer.ts';
import { IncubateError } from '../util/errors.ts';
import type { SavedTraining } from './checkpoints.ts';

export interface RollbackSource {
  /** Where training begins; null: at its first step. */
  readonly saved: SavedTraining | null;
  /** The newest checkpoint. All are finite: what is not is never saved. */
  reload(): Promise<SavedTraining | null>;
  tell(message: WorkerMessage): Promise<void>;
}

/**
 * Trains, and where a step is not finite and the policy is `rollback`, goes back to the newest checkpoint and trains on
 * with the data in another order, which the number of rollbacks names.
 *
 * A worker that is killed after going back meets the same step with the same data again and goes back as before: which
 * weights come out does not depend on when it was killed.
 *
 * @throws TRAINING_DIVERGED where the policy is another, or training went back `nonFiniteLimit` times before.
 */
export async function trainWithRollbacks(
  { onNonFinite, nonFiniteLimit }: RunConfig['execution'],
  train: (saved: SavedTraining | null, rollbacks: number) => Promise<TrainingOutcome>,
  { saved, reload, tell }: RollbackSource,
): Promise<TrainingOutcome> {
  let from = saved;
  for (let rollbacks = saved?.progress.rollbacks ?? 0; ; ) {
    try {
      return await train(from, rollbacks);
    } catch (error) {
      if (!(error instanceof IncubateError && error.code === 'TRAINING_DIVERGED')) throw error;
      if (onNonFinite !== 'rollback') throw error;
      if (rollbacks >= nonFiniteLimit) throw exhausted(error, rollbacks);
      rollbacks += 1;
      from = await reload();
      await tell({ type: 'rolled-back', step: from?.progress.step ?? 0, reason: error.message, rollbacks });
    }
  }
}

function exhausted(error: IncubateError, rollbacks: number): IncubateError {
  return new IncubateError('TRAINING_DIVERGED', `${error.message}, after ${rollbacks} returns to a checkpoint`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
