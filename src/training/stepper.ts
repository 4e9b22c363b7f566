import type { PhaseConfig, RunConfig } from '../config/schema.ts';
import type { SampleBatch } from '../data/dataset.ts';
import type { Engine, EngineState, Program, ProgramCost } from '../engine/program.ts';
import { modulePartsOf, type Objective, statePartsOf, taskObjective } from '../methods/objective.ts';
import type { Network } from '../models/network.ts';
import { taskOf } from '../tasks/task.ts';
import { IncubateError } from '../util/errors.ts';
import { float32, type HostTensor, type HostTensors, sizeOf } from '../util/tensor.ts';
import { holdsPairs } from './accumulation.ts';
import { type AdamWSettings, adamwScalars, type ClipGroup } from './adamw.ts';
import { drawDropPath, planDropPath } from './drop-path.ts';
import { scalarOf } from './evaluate.ts';
import { LARGEST, lossScalingOf, SMALLEST_SCALE } from './loss-scaling.ts';
import { microBatchRows, selectRows } from './micro-batches.ts';
import { layoutsOf } from './network-layouts.ts';
import { trainedIn } from './objectives/stage.ts';
import { accumulateProgram, applyProgram, type StepSettings, trainProgram } from './train-programs.ts';

/** What determines the computation of a training step. */
export interface StepSource {
  /** Name of the job; keys the random streams of its masks. */
  readonly name: string;
  readonly network: Network;
  /** What steps minimise: the task's loss of what the network gives where absent. */
  readonly objective?: Objective;
  readonly phase: PhaseConfig;
  readonly config: RunConfig;
}

/** Runs whole optimiser steps, in one program or in micro-batches. */
export interface Stepper {
  /** Floating-point operations of one step. */
  readonly flops: number;
  /** How many steps may be running when another is started: those that it needs nothing of that is read. */
  readonly ahead: number;
  /**
   * @param skipped steps before this one that changed nothing: the optimiser's bias corrections count the others
   * @returns the mean loss over the batch; where steps that are not finite are skipped and the gradient of this one was
   *   not, NaN
   */
  step(state: EngineState, batch: SampleBatch, step: number, lr: number, skipped?: number): Promise<number>;
  /** Steps of this stepper that changed nothing, as the scaled gradient overflowed; loss scaling halves its scale then. */
  readonly overflowed: number;
  dispose(): void;
}

/**
 * The settings of a training step's programs.
 *
 * @throws CONFIG_VALUE where micro-batches cannot hold mixed pairs.
 */
export function stepSettings({ name, network, objective = taskObjective, phase, config }: StepSource): StepSettings {
  const { batchSize, accumulate, weightDecay, beta1, beta2, eps } = config.training;
  const size = batchSize / accumulate;
  if (!holdsPairs(config, size)) {
    throw new IncubateError('CONFIG_VALUE', `micro-batches of ${size} images cannot be mixed in pairs`, {
      hint: 'Choose training.accumulate so that micro-batches hold an even number of images, or switch mixup and cutmix off.',
    });
  }
  const groups = clipGroups(network, objective);
  const adamw: AdamWSettings = { weightDecay, beta1, beta2, eps, clip: phase.clip, ...(groups ? { groups } : {}) };
  const dropPath = planDropPath(network, phase.dropPath, size);
  return {
    name,
    network,
    objective,
    config,
    dropPath,
    adamw,
    lossScaling: lossScalingOf(config.training.precision),
    skipsNonFinite: config.execution.onNonFinite === 'skip',
  };
}

/** Modules with losses of their own are clipped one by one: what one learns must not depend on the others. */
function clipGroups(network: Network, objective: Objective): readonly ClipGroup[] | undefined {
  if (objective.kind !== 'local') return undefined;
  const groupOf = new Map(
    objective.modules.flatMap((module, group) =>
      trainedIn(modulePartsOf(module)).map((name) => [name, group] as const),
    ),
  );
  const groups: { group: number; size: number }[] = [];
  for (const { name, shape } of layoutsOf(statePartsOf(network, objective)).trained.parameters) {
    const group = groupOf.get(name) as number;
    const last = groups.at(-1);
    if (last?.group === group) last.size += sizeOf(shape);
    else groups.push({ group, size: sizeOf(shape) });
  }
  return groups;
}

/** The programs of one step and how often each runs in it: one fused program, or gradients and their application. */
export function stepPrograms(settings: StepSettings): readonly { readonly program: Program; readonly runs: number }[] {
  const { accumulate } = settings.config.training;
  if (accumulate === 1) return [{ program: trainProgram(settings), runs: 1 }];
  return [
    { program: accumulateProgram(settings), runs: accumulate },
    { program: applyProgram(settings), runs: 1 },
  ];
}

/** Floating-point operations of a step whose programs cost `costs`. */
export function stepFlops(settings: StepSettings, costs: readonly ProgramCost[]): number {
  return stepPrograms(settings).reduce((sum, { runs }, index) => sum + runs * (costs[index]?.flops ?? 0), 0);
}

export async function createStepper(engine: Engine, source: StepSource): Promise<Stepper> {
  const settings = stepSettings(source);
  const programs = stepPrograms(settings);
  const [gradient, apply] = await Promise.all(programs.map(({ program }) => engine.compile(program)));
  if (!gradient) throw new RangeError('a step has at least one program');
  const { name, config } = source;
  const { accumulate } = config.training;
  let overflowed = 0;
  /** Throws TRAINING_DIVERGED as `checkScale`. */
  const observe = (step: number, outputs: Readonly<Record<string, HostTensor>>) => {
    if (settings.lossScaling && !(scalarOf(outputs, 'gradientNorm') <= LARGEST)) overflowed += 1;
    checkScale(name, step, outputs);
  };

  return {
    flops: stepFlops(settings, apply ? [gradient.cost, apply.cost] : [gradient.cost]),
    // Micro-batches are told one by one, and a step that may be skipped counts in the corrections of the next.
    ahead: engine.queuesRuns === true && !apply && !settings.skipsNonFinite ? 1 : 0,
    async step(state, batch, step, lr, skipped = 0) {
      const scalars = optimiserScalars(settings, step + 1 - skipped, lr);
      if (!apply) {
        const feeds = microBatchFeeds(settings, name, batch, step, 0);
        const outputs = await gradient.run(state, { ...feeds, ...scalars });
        observe(step, outputs);
        return lossOf(settings, scalarOf(outputs, 'loss'), outputs);
      }
      let loss = 0;
      for (let index = 0; index < accumulate; index++) {
        const carry = float32(Float32Array.of(index === 0 ? 0 : 1), []);
        const outputs = await gradient.run(state, { ...microBatchFeeds(settings, name, batch, step, index), carry });
        loss += scalarOf(outputs, 'loss') / accumulate;
      }
      const meanLoss = settings.skipsNonFinite ? { loss: float32(Float32Array.of(loss), []) } : {};
      const outputs = await apply.run(state, { ...scalars, ...meanLoss });
      observe(step, outputs);
      return lossOf(settings, loss, outputs);
    },
    get overflowed() {
      return overflowed;
    },
    dispose() {
      gradient.dispose();
      apply?.dispose();
    },
  };
}

/** The optimiser's feeds of step `step`, counted from 1. */
export function optimiserScalars({ adamw, lossScaling }: StepSettings, step: number, lr: number): HostTensors {
  const { learningRate, ...corrections } = adamwScalars(adamw, step, lr);
  return { learningRate: learningRate as HostTensor, ...(lossScaling ? {} : corrections) };
}

/** The loss as told: no number where the program skipped the step for its gradient. Scaled gradients may overflow. */
function lossOf({ skipsNonFinite, lossScaling }: StepSettings, loss: number, outputs: HostTensors): number {
  const isSkipped = skipsNonFinite && !lossScaling && !(scalarOf(outputs, 'gradientNorm') <= LARGEST);
  return isSkipped && Number.isFinite(loss) ? Number.NaN : loss;
}

/** Throws TRAINING_DIVERGED where halving the scale of the loss no longer helps. */
function checkScale(name: string, step: number, outputs: Readonly<Record<string, HostTensor>>): void {
  if (!outputs.lossScale || scalarOf(outputs, 'lossScale') >= SMALLEST_SCALE) return;
  throw new IncubateError(
    'TRAINING_DIVERGED',
    `the gradient of ${name} is not finite at step ${step}, however scaled`,
    {
      hint: 'Choose --precision bf16 or fp32, lower the learning rate, or lengthen the warm-up of this phase.',
    },
  );
}

function microBatchFeeds(
  { config, dropPath }: StepSettings,
  stream: string,
  batch: SampleBatch,
  step: number,
  index: number,
): HostTensors {
  const { batchSize, accumulate } = config.training;
  const rows = microBatchRows(batchSize, accumulate, index);
  const key = { seed: config.seed, stream, step };
  return {
    ...taskOf(config).drawFeeds(selectRows(batch, rows), key),
    ...(dropPath.feed ? { dropPath: drawDropPath(dropPath, batchSize, rows, key) } : {}),
  };
}
