import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { TrainingObserver } from '../training/trainer.ts';
import type { TrainingState } from '../training/training-state.ts';
import type { Channel } from './channel.ts';

/** Milliseconds between progress messages. */
const PROGRESS_INTERVAL = 250;
/** Weight of the newest step in the running mean of the step time. */
const SMOOTHING = 0.1;

export interface ObserverSettings {
  readonly engine: string;
  readonly config: RunConfig;
  /** Saves a checkpoint and returns its directory. */
  save(state: TrainingState, score: number | null): Promise<string>;
}

/** Turns what a training tells into messages to the coordinator, and decides when its state is saved. */
export function observeTraining(channel: Channel, { engine, config, save }: ObserverSettings): TrainingObserver {
  const { batchSize } = config.training;
  const speed = (seconds: number) =>
    readsText(config)
      ? { tokensPerSecond: (batchSize * config.model.context) / seconds }
      : { imagesPerSecond: batchSize / seconds };
  const { everySteps } = config.checkpoint;
  let lastSent = 0;
  let lastStep: number | null = null;
  let stepSeconds: number | null = null;

  return {
    compiled: (details) => void channel.send({ type: 'compiled', engine, ...details }),
    step({ step, steps, epoch, epochs, loss }) {
      const now = performance.now();
      if (lastStep !== null) {
        const taken = (now - lastStep) / 1000;
        stepSeconds = stepSeconds === null ? taken : (1 - SMOOTHING) * stepSeconds + SMOOTHING * taken;
      }
      lastStep = now;
      if (stepSeconds === null || now - lastSent < PROGRESS_INTERVAL) return;
      lastSent = now;
      void channel.send({
        type: 'progress',
        epoch,
        epochs,
        step,
        steps,
        loss,
        ...speed(stepSeconds),
        secondsLeft: (steps - step) * stepSeconds,
      });
    },
    cold: (evaluation) => void channel.send({ type: 'evaluated', what: 'cold', evaluation }),
    epoch(details) {
      // The pause of an evaluation is no step's time.
      lastStep = null;
      void channel.send({ type: 'epoch', ...details });
    },
    saveDue: (step, endOfEpoch) => endOfEpoch || (everySteps !== null && step % everySteps === 0),
    skipped: (details) => void channel.send({ type: 'skipped', ...details }),
    damaged: (details) => void channel.send({ type: 'damaged', ...details }),
    async save(state, score) {
      const path = await save(state, score);
      void channel.send({ type: 'checkpoint', step: state.progress.step, path });
    },
    stopRequested: () => channel.stopRequested(),
  };
}
