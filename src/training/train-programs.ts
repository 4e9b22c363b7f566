import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.ts';
import type { Program, Specs, Tensors } from '../engine/program.ts';
import { type Objective, statePartsOf } from '../methods/objective.ts';
import { evaluationContext } from '../models/forward.ts';
import { keyWithin, type Network } from '../models/network.ts';
import { type ContextOf, runNetwork } from '../models/run-network.ts';
import { taskOf } from '../tasks/task.ts';
import { type AdamWSettings, adamw, adamwFeeds, scaledAdamwFeeds } from './adamw.ts';
import { type DropPath, dropPathContext } from './drop-path.ts';
import {
  isFiniteScalar,
  LARGEST,
  type LossScaling,
  lossScalingSpecs,
  nextBiasCorrections,
  scaledResult,
  whereFinite,
} from './loss-scaling.ts';
import { layoutsOf, type NetworkLayouts, namedParameters, parameterSpecs } from './network-layouts.ts';
import { courseOf } from './objectives/course.ts';
import { courseGradients } from './objectives/stage.ts';
import { recordStatistics, type StatisticsRecorder } from './statistics.ts';

/** What a training step is built from. */
export interface StepSettings {
  readonly name: string;
  readonly network: Network;
  readonly objective: Objective;
  readonly config: RunConfig;
  readonly dropPath: DropPath;
  readonly adamw: AdamWSettings;
  /** How the loss is scaled; null where gradients have the range of float32. */
  readonly lossScaling: LossScaling | null;
  /** Whether a step whose loss or gradient is not finite changes nothing. */
  readonly skipsNonFinite: boolean;
}

/**
 * One optimiser step over one batch: state (parameters, statistics, m, v, frozen, loss scaling) to all but `frozen`. That of
 * a stage has `features` among its feeds, or outputs, or both.
 */
export function trainProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(statePartsOf(settings.network, settings.objective));
  return {
    name: `train(${settings.name})`,
    state: { ...parameterSpecs(layouts), ...optimiserSpecs(settings, layouts) },
    feeds: { ...microBatchFeeds(settings), ...optimiserFeeds(settings) },
    precision: settings.config.training.precision,
    body(state, feeds) {
      const { loss, gradient, statistics, output } = lossAndGradient(settings, layouts, state, feeds);
      const outputs = { loss, ...(output && { features: output }) };
      return applied(settings, layouts, state, { gradient, statistics }, { ...feeds, loss }, outputs);
    },
  };
}

/**
 * Adds a micro-batch's gradient, divided by their number, to the state's `gradient` [P], and moves the statistics. With a
 * `carry` of 0 the gradient starts from zero, and a step that may be skipped remembers the statistics before it.
 */
export function accumulateProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(statePartsOf(settings.network, settings.objective));
  return {
    name: `accumulate(${settings.name})`,
    state: {
      ...parameterSpecs(layouts),
      gradient: { dtype: 'float32', shape: [layouts.trained.size] },
      ...(settings.lossScaling ? { lossScale: { dtype: 'float32', shape: [] } } : {}),
      ...rememberedSpecs(settings, layouts),
    },
    feeds: { ...microBatchFeeds(settings), carry: { dtype: 'float32', shape: [] } },
    precision: settings.config.training.precision,
    body(state, feeds) {
      const { loss, gradient, statistics } = lossAndGradient(settings, layouts, state, feeds);
      const share = tf.div(gradient, settings.config.training.accumulate);
      const [sum, carry] = [state.gradient, feeds.carry] as [tf.Tensor, tf.Tensor];
      const { statisticsBefore: before } = state;
      const remembered = before && tf.where(tf.greater(carry, 0), before, state.statistics as tf.Tensor);
      // What overflowed in the step before is no number, and zero times it neither.
      const carried = maySkip(settings) ? tf.where(tf.greater(carry, 0), sum, tf.zerosLike(sum)) : tf.mul(sum, carry);
      const next = { gradient: tf.add(carried, share), statistics, statisticsBefore: remembered };
      return { state: present(next), outputs: { loss } };
    },
  };
}

/** Applies the accumulated gradient; statistics take part where a skipped step must restore them. */
export function applyProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(statePartsOf(settings.network, settings.objective));
  const { parameters, statistics } = parameterSpecs(layouts);
  if (!parameters) throw new RangeError('nothing to train');
  const remembered = rememberedSpecs(settings, layouts);
  return {
    name: `apply(${settings.name})`,
    state: {
      parameters,
      gradient: parameters,
      ...optimiserSpecs(settings, layouts),
      ...(statistics && remembered.statisticsBefore ? { statistics } : {}),
      ...remembered,
    },
    feeds: { ...optimiserFeeds(settings), ...(settings.skipsNonFinite ? { loss: scalar } : {}) },
    body(state, feeds) {
      const { gradient, statistics: moved, statisticsBefore, ...others } = state;
      const before = present({ ...others, statistics: statisticsBefore });
      return applied(settings, layouts, before, { gradient: gradient as tf.Tensor, statistics: moved }, feeds, {});
    },
  };
}

/** What a step in micro-batches remembers until it is known whether it is skipped. */
function rememberedSpecs(settings: StepSettings, { statistics }: NetworkLayouts): Specs {
  const isNeeded = maySkip(settings) && settings.config.training.accumulate > 1 && statistics.size > 0;
  return isNeeded ? { statisticsBefore: { dtype: 'float32', shape: [statistics.size] } } : {};
}

/** Whether there are steps that change nothing. */
function maySkip({ lossScaling, skipsNonFinite }: StepSettings): boolean {
  return lossScaling !== null || skipsNonFinite;
}

const scalar = { dtype: 'float32', shape: [] } as const;

/** Tensors without those that there are none of. */
function present(tensors: Readonly<Record<string, tf.Tensor | undefined>>): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).filter((entry): entry is [string, tf.Tensor] => entry[1] !== undefined),
  );
}

function optimiserSpecs({ lossScaling }: StepSettings, { trained }: NetworkLayouts): Specs {
  const slot = { dtype: 'float32', shape: [trained.size] } as const;
  return { m: slot, v: slot, ...(lossScaling ? lossScalingSpecs : {}) };
}

function optimiserFeeds({ lossScaling }: StepSettings): Specs {
  return lossScaling ? scaledAdamwFeeds : adamwFeeds;
}

function microBatchFeeds({ config, dropPath, objective }: StepSettings): Specs {
  const { batchSize, accumulate } = config.training;
  const features = objective.kind === 'local' ? objective.stage?.features : undefined;
  return {
    ...(features ? { features } : {}),
    ...taskOf(config).trainingFeeds(batchSize / accumulate),
    ...(dropPath.feed ? { dropPath: dropPath.feed } : {}),
  };
}

/**
 * The loss, the gradient of what the objective minimises, multiplied by the state's `lossScale` where there is one, and the
 * statistics after the batch where there are any.
 */
function lossAndGradient(settings: StepSettings, layouts: NetworkLayouts, state: Tensors, feeds: Tensors) {
  const { network, objective, config } = settings;
  const recorder = recordStatistics(layouts.statistics);
  const contextOf = trainingContext(settings, feeds, recorder);
  const parameters = namedParameters(layouts, state);
  const exercise = taskOf(config).exercise(feeds);
  const course = courseOf(objective, {
    network,
    exercise: feeds.features ? { ...exercise, input: feeds.features } : exercise,
    parameters,
    asTrained: (parts, x, given) => runNetwork(parts, x, given, contextOf, config.training.recompute),
    asEvaluated: (parts, x, given) => runNetwork(parts, x, given, () => evaluationContext),
  });
  const { loss, gradients, output } = courseGradients(course, parameters, state.lossScale as tf.Scalar | undefined);
  return {
    loss,
    gradient: tf.concat1d(layouts.trained.parameters.map(({ name }) => gradients.get(name) as tf.Tensor1D)),
    statistics: state.statistics && recorder.next(state.statistics),
    output,
  };
}

/** Parts in training mode take the statistics of the batch, which the running ones follow. */
function trainingContext({ network, dropPath }: StepSettings, feeds: Tensors, recorder: StatisticsRecorder): ContextOf {
  const blocks = network.filter(({ spec }) => spec.role === 'block');
  return (part) => {
    const block = part.origin === 'auxiliary' ? -1 : blocks.indexOf(part);
    const context = dropPathContext(dropPath, feeds.dropPath, block);
    if (part.mode === 'eval') return context;
    return { ...context, batchStatistics: (name, value) => recorder.record(keyWithin(part, name), value) };
  };
}

/** @param scalars the optimiser's feeds, and the loss where a step that is not finite is skipped */
function applied(
  { adamw: optimiser, lossScaling, skipsNonFinite }: StepSettings,
  { trained }: NetworkLayouts,
  state: Tensors,
  { gradient, statistics }: { readonly gradient: tf.Tensor; readonly statistics: tf.Tensor | undefined },
  scalars: Tensors,
  outputs: Tensors,
) {
  const { parameters, m, v } = state;
  if (!parameters || !m || !v) throw new RangeError('the optimiser needs parameters, m and v');
  const isTaken = (gradientNorm: tf.Tensor) => {
    const finite = tf.lessEqual(gradientNorm, LARGEST);
    return skipsNonFinite ? tf.logicalAnd(finite, isFiniteScalar(scalars.loss as tf.Tensor)) : finite;
  };
  if (!lossScaling) {
    const { gradientNorm, ...slots } = adamw({ parameters, m, v }, gradient, scalars, trained, optimiser);
    const next = present({ ...slots, statistics });
    const result = skipsNonFinite ? whereFinite(isTaken(gradientNorm), state, next) : next;
    return { state: result, outputs: { ...outputs, gradientNorm } };
  }
  const corrections = nextBiasCorrections(state, optimiser);
  const { gradientNorm, ...next } = adamw(
    { parameters, m, v },
    tf.mul(gradient, tf.reciprocal(state.lossScale as tf.Tensor)),
    { ...scalars, ...corrections, biasCorrection2: tf.sqrt(corrections.biasCorrection2) },
    trained,
    optimiser,
  );
  const after = present({ ...next, ...corrections, statistics });
  const result = scaledResult(state, after, isTaken(gradientNorm), lossScaling);
  return { state: result, outputs: { ...outputs, gradientNorm, lossScale: result.lossScale as tf.Tensor } };
}
