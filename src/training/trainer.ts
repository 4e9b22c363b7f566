import { createHash } from 'node:crypto';
import type { PhaseConfig, RunConfig } from '../config/schema.ts';
import { giveBack } from '../data/batch-images.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import type { DamagedImage, SampleBatch, SampleSet } from '../data/dataset.ts';
import { trainingBatches } from '../data/samples.ts';
import { timed } from '../data/timed.ts';
import type { Engine, EngineState } from '../engine/program.ts';
import { type Objective, statePartsOf, taskObjective } from '../methods/objective.ts';
import { type Network, parameterCounts } from '../models/network.ts';
import type { DamageDetails, EpochDetails, SplitName } from '../protocol/messages.ts';
import type { Evaluation } from '../protocol/run.ts';
import { taskOf } from '../tasks/task.ts';
import { IncubateError } from '../util/errors.ts';
import { collectGarbage } from '../util/garbage.ts';
import { bytesOf, type HostTensor } from '../util/tensor.ts';
import { meetDamage } from './damage.ts';
import { createEvaluator } from './evaluate.ts';
import { layoutsOf } from './network-layouts.ts';
import { assertFinite, countStep, dataStream, diverged, mayBeSkipped } from './non-finite.ts';
import { type Progress, untrained } from './progress.ts';
import { learningRate, peakLearningRate } from './schedule.ts';
import { createStepper } from './stepper.ts';
import {
  initialState,
  readTrainingState,
  resumedState,
  type TrainingStart,
  type TrainingState,
} from './training-state.ts';

/** One training of one network: which parameters, on what, how long. */
export interface Training {
  /** Name of the job; keys the random streams of its masks, and of its data. */
  readonly name: string;
  /** Keys the random streams of the data where jobs share them. */
  readonly dataName?: string;
  readonly network: Network;
  /** What steps minimise: the task's loss of what the network gives where absent. */
  readonly objective?: Objective;
  readonly phase: PhaseConfig;
  readonly config: RunConfig;
  readonly dataset: SampleSet;
  /** Also evaluate before the first step. */
  readonly evaluateCold: boolean;
  /** What runs its steps, where that is not one process with one state. */
  readonly createStepper?: typeof createStepper;
  /** Times that training went back to a checkpoint so far: each gives the data another order. */
  readonly rollbacks?: number;
}

/**
 * What a training tells while it runs. Checkpoints are the observer's business: `save` is given a state, which is finite,
 * and how good it is on the validation data where that is known: the higher the better.
 */
export interface TrainingObserver {
  compiled(details: { seconds: number; trained: number; frozen: number; flopsPerStep: number }): void;
  step(details: { step: number; steps: number; epoch: number; epochs: number; loss: number }): void;
  /** A step changed nothing, as it was not finite; `skipped` counts such steps. */
  skipped?(details: { step: number; loss: number; skipped: number }): void;
  /** Images were found that cannot be decoded, and others were taken in their place; `damaged` counts them. */
  damaged?(details: DamageDetails): void;
  cold(evaluation: Evaluation): void;
  epoch(details: EpochDetails): void;
  /** Called after every step and epoch; returning true saves the state. */
  saveDue(step: number, endOfEpoch: boolean): boolean;
  save(state: TrainingState, score: number | null): Promise<void>;
  /** Whether to save and stop before the next step. */
  stopRequested(): boolean;
}

/** A step that the engine has been told of and whose loss has not come yet. */
interface RunningStep {
  readonly loss: Promise<number>;
  readonly batch: SampleBatch;
}

export interface TrainingOutcome {
  readonly finished: boolean;
  readonly state: TrainingState;
  readonly flops: number;
}

/**
 * Trains a network's trainable parameters, and those that only its objective has, and leaves the frozen ones as they are,
 * which is verified at the end.
 *
 * @param start reads what training starts from, which is let go once the engine has a copy
 * @throws TRAINING_DIVERGED when the loss is not finite and such steps are not skipped, or too many in a row are, and when
 *   a state that is to be saved is not finite; TRAINING_FROZEN when a frozen parameter changed.
 */
export async function train(
  engine: Engine,
  training: Training,
  start: () => Promise<TrainingStart>,
  observer: TrainingObserver,
): Promise<TrainingOutcome> {
  const { network, phase, config, dataset, name } = training;
  const parts = partsOf(training);
  const layouts = layoutsOf(parts);
  const stepsPerEpoch = batchesPerEpoch(dataset.train.length, config.training.batchSize, config.data.repeats);
  const steps = stepsPerEpoch * phase.epochs;
  const started = performance.now();
  const { state, frozenDigest, progress } = await openState(engine, training, start);
  collectGarbage();
  progress.rollbacks = training.rollbacks ?? progress.rollbacks;
  const secondsBefore = progress.seconds;
  const elapsed = () => secondsBefore + (performance.now() - started) / 1000;

  const stepper = await (training.createStepper ?? createStepper)(engine, training);
  const evaluator = await createEvaluator(engine, name, network, config, dataset.validation, parts);
  collectGarbage();
  const running: RunningStep[] = [];
  try {
    observer.compiled({
      seconds: (performance.now() - started) / 1000,
      ...parameterCounts(parts),
      flopsPerStep: stepper.flops,
    });
    const snapshot = async (): Promise<TrainingState> => {
      const tensors = await readTrainingState(state, layouts, config.training);
      assertFinite(tensors, name, progress.step);
      return { ...tensors, progress: { ...progress, seconds: elapsed() } };
    };
    const save = async (score: number | null) => observer.save(await snapshot(), score);
    const outcome = async (finished: boolean): Promise<TrainingOutcome> => {
      if (frozenDigest !== null) await assertUnchanged(state, frozenDigest, name);
      return { finished, state: await snapshot(), flops: stepper.flops * progress.step };
    };

    const skip = (split: SplitName, images: readonly DamagedImage[]) =>
      meetDamage(config, name, progress, split, images, (details) => observer.damaged?.(details));
    const evaluate = () => evaluator.evaluate(state, dataset.validation, (images) => skip('validation', images));
    const overflowedBefore = progress.overflowed;
    if (training.evaluateCold && progress.cold === null) {
      progress.cold = await evaluate();
      observer.cold(progress.cold);
    }
    if (steps === 0) progress.evaluation = await evaluate();

    const peak = peakLearningRate(phase, config.training);
    let told = progress.step;
    /** When the engine ended the last step that it was told of; Infinity while it computes. */
    let idleSince = performance.now();
    /** Waits until at most so many steps are running. */
    const settle = async (ahead = 0) => {
      while (running.length > ahead) {
        const step = running[0] as RunningStep;
        const loss = await step.loss;
        running.shift();
        giveBack(step.batch);
        const epoch = Math.floor(progress.step / stepsPerEpoch);
        const finite = Number.isFinite(loss);
        if (!finite && !mayBeSkipped(config, progress)) throw diverged(name, progress, epoch, loss);
        countStep(progress, loss);
        progress.overflowed = overflowedBefore + stepper.overflowed;
        if (!finite) observer.skipped?.({ step: progress.step - 1, loss, skipped: progress.skipped });
        observer.step({ step: progress.step, steps, epoch: epoch + 1, epochs: phase.epochs, loss });
      }
    };
    for (let epoch = Math.floor(progress.step / stepsPerEpoch); epoch < phase.epochs; epoch++) {
      const epochStarted = performance.now();
      const stream = dataStream(training.dataName ?? name, progress.rollbacks);
      const firstBatch = progress.step - epoch * stepsPerEpoch;
      const batches = trainingBatches(dataset.train, config, { stream, epoch, firstBatch });
      const waits = { seconds: 0 };
      let lr = 0;
      for await (const batch of timed(batches, waits, () => idleSince)) {
        if (observer.stopRequested()) {
          await settle();
          await save(null);
          return await outcome(false);
        }
        if ('damaged' in batch && batch.damaged) skip('train', batch.damaged);
        lr = learningRate(told, stepsPerEpoch, phase, peak);
        const loss = stepper.step(state, batch, told, lr, progress.skipped);
        running.push({ loss, batch });
        told += 1;
        idleSince = Number.POSITIVE_INFINITY;
        const number = told;
        const end = () => {
          if (number === told) idleSince = performance.now();
        };
        // Failures are handled when it is awaited; the step before may fail first.
        loss.then(end, end);
        await settle(stepper.ahead);
        const endOfEpoch = told === (epoch + 1) * stepsPerEpoch;
        if (!endOfEpoch && observer.saveDue(told, false)) {
          await settle();
          await save(null);
        }
      }
      await settle();
      const details = {
        epoch: epoch + 1,
        epochs: phase.epochs,
        loss: progress.lossSum / (stepsPerEpoch - progress.skippedInEpoch),
        lr,
        seconds: (performance.now() - epochStarted) / 1000,
        dataSeconds: waits.seconds,
        ...(progress.overflowed > 0 ? { overflowed: progress.overflowed } : {}),
      };
      progress.lossSum = 0;
      progress.skippedInEpoch = 0;
      const last = epoch + 1 === phase.epochs;
      const evaluated = last || (epoch + 1) % config.training.evaluateEvery === 0;
      if (evaluated) progress.evaluation = await evaluate();
      observer.epoch(evaluated && progress.evaluation ? { ...details, evaluation: progress.evaluation } : details);
      const score = evaluated && progress.evaluation ? taskOf(config).score(progress.evaluation) : null;
      if (observer.saveDue(progress.step, true)) await save(score);
    }
    return await outcome(true);
  } finally {
    await Promise.allSettled(running.map(({ loss }) => loss));
    evaluator.dispose();
    stepper.dispose();
    state.dispose();
  }
}

function partsOf({ network, objective = taskObjective }: Training) {
  return statePartsOf(network, objective);
}

/** The state in the engine, what its frozen vector must stay, and where training stands; nothing here is held twice. */
async function openState(
  engine: Engine,
  training: Training,
  start: () => Promise<TrainingStart>,
): Promise<{ readonly state: EngineState; readonly frozenDigest: string | null; readonly progress: Progress }> {
  const { initial, resumed } = await start();
  const layouts = layoutsOf(partsOf(training));
  const settings = training.config.training;
  const tensors = resumed
    ? resumedState(layouts, initial, resumed, settings)
    : initialState(layouts, initial, settings);
  return {
    state: engine.createState(tensors),
    frozenDigest: tensors.frozen ? digestOf(tensors.frozen) : null,
    progress: { ...(resumed?.progress ?? untrained) },
  };
}

async function assertUnchanged(state: EngineState, digest: string, name: string): Promise<void> {
  const { frozen } = await state.read(['frozen']);
  if (!frozen || digestOf(frozen) !== digest) {
    throw new IncubateError('TRAINING_FROZEN', `frozen parameters changed while ${name} was trained`, {
      hint: 'This is a fault of the engine. Please report it with the output of `incubate doctor`.',
    });
  }
}

function digestOf(tensor: HostTensor): string {
  return createHash('sha256').update(bytesOf(tensor)).digest('hex');
}
