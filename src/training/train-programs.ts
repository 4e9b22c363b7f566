import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.ts';
import type { Program, Specs, Tensors } from '../engine/program.ts';
import { type Network, networkParameters } from '../models/network.ts';
import { runNetwork } from '../models/run-network.ts';
import { crossEntropy, softTargets } from '../tasks/classification.ts';
import { type AdamWSettings, adamw, adamwFeeds, scaledAdamwFeeds } from './adamw.ts';
import { type DropPath, dropPathContext } from './drop-path.ts';
import { batchFeeds, normalisationOf, normalise } from './inputs.ts';
import { type Layout, layoutOf, splitParameters } from './layout.ts';
import { type LossScaling, lossScalingSpecs, nextBiasCorrections, scaledResult } from './loss-scaling.ts';
import { mixes, mixFeeds } from './mix.ts';

/** What a training step is built from. */
export interface StepSettings {
  readonly name: string;
  readonly network: Network;
  readonly config: RunConfig;
  readonly classes: number;
  readonly dropPath: DropPath;
  readonly adamw: AdamWSettings;
  /** How the loss is scaled; null where gradients have the range of float32. */
  readonly lossScaling: LossScaling | null;
}

/** The flat vectors of a network's state: what is trained, and what stays as it is. */
export interface NetworkLayouts {
  readonly trained: Layout;
  readonly frozen: Layout;
}

export function layoutsOf(network: Network): NetworkLayouts {
  return { trained: layoutOf(networkParameters(network, true)), frozen: layoutOf(networkParameters(network, false)) };
}

/** State specs of a network's parameters; `frozen` is absent where nothing is frozen. */
export function parameterSpecs({ trained, frozen }: NetworkLayouts): Specs {
  const vector = (size: number) => ({ dtype: 'float32', shape: [size] }) as const;
  return {
    ...(trained.size > 0 ? { parameters: vector(trained.size) } : {}),
    ...(frozen.size > 0 ? { frozen: vector(frozen.size) } : {}),
  };
}

/** All parameters of a network by name, split out of the state's flat vectors. */
export function namedParameters({ trained, frozen }: NetworkLayouts, state: Tensors): Tensors {
  return {
    ...(state.parameters ? splitParameters(trained, state.parameters) : {}),
    ...(state.frozen ? splitParameters(frozen, state.frozen) : {}),
  };
}

/** One optimiser step over one batch: state (parameters, m, v, frozen, loss scaling) to all but `frozen`. */
export function trainProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(settings.network);
  return {
    name: `train(${settings.name})`,
    state: { ...parameterSpecs(layouts), ...optimiserSpecs(settings, layouts) },
    feeds: { ...microBatchFeeds(settings), ...optimiserFeeds(settings) },
    precision: settings.config.training.precision,
    body(state, feeds) {
      const { loss, gradient } = lossAndGradient(settings, layouts, state, feeds);
      return applied(settings, layouts, state, gradient, feeds, { loss });
    },
  };
}

/** Adds a micro-batch's gradient, divided by their number, to the state's `gradient` [P]; `first` starts from zero. */
export function accumulateProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(settings.network);
  return {
    name: `accumulate(${settings.name})`,
    state: {
      ...parameterSpecs(layouts),
      gradient: { dtype: 'float32', shape: [layouts.trained.size] },
      ...(settings.lossScaling ? { lossScale: { dtype: 'float32', shape: [] } } : {}),
    },
    feeds: { ...microBatchFeeds(settings), carry: { dtype: 'float32', shape: [] } },
    precision: settings.config.training.precision,
    body(state, feeds) {
      const { loss, gradient } = lossAndGradient(settings, layouts, state, feeds);
      const share = tf.div(gradient, settings.config.training.accumulate);
      const [sum, carry] = [state.gradient, feeds.carry] as [tf.Tensor, tf.Tensor];
      // What overflowed in the step before is no number, and zero times it neither.
      const carried = settings.lossScaling
        ? tf.where(tf.greater(carry, 0), sum, tf.zerosLike(sum))
        : tf.mul(sum, carry);
      return { state: { gradient: tf.add(carried, share) }, outputs: { loss } };
    },
  };
}

/** Applies the accumulated gradient. */
export function applyProgram(settings: StepSettings): Program {
  const layouts = layoutsOf(settings.network);
  const { parameters } = parameterSpecs(layouts);
  if (!parameters) throw new RangeError('nothing to train');
  return {
    name: `apply(${settings.name})`,
    state: { parameters, gradient: parameters, ...optimiserSpecs(settings, layouts) },
    feeds: optimiserFeeds(settings),
    body: (state, feeds) => applied(settings, layouts, state, state.gradient as tf.Tensor, feeds, {}),
  };
}

function optimiserSpecs({ lossScaling }: StepSettings, { trained }: NetworkLayouts): Specs {
  const slot = { dtype: 'float32', shape: [trained.size] } as const;
  return { m: slot, v: slot, ...(lossScaling ? lossScalingSpecs : {}) };
}

function optimiserFeeds({ lossScaling }: StepSettings): Specs {
  return lossScaling ? scaledAdamwFeeds : adamwFeeds;
}

function microBatchFeeds({ config, dropPath }: StepSettings): Specs {
  const { imageSize, channels } = config.model;
  const { batchSize, accumulate } = config.training;
  return {
    ...batchFeeds(batchSize / accumulate, imageSize, channels),
    ...(mixes(config.training) ? mixFeeds(imageSize) : {}),
    ...(dropPath.feed ? { dropPath: dropPath.feed } : {}),
  };
}

/** The mean loss and its gradient, multiplied by the state's `lossScale` where there is one. */
function lossAndGradient(settings: StepSettings, layouts: NetworkLayouts, state: Tensors, feeds: Tensors) {
  const { network, config, classes, dropPath } = settings;
  const parameters = namedParameters(layouts, state);
  const names = layouts.trained.parameters.map(({ name }) => name);
  const targets = softTargets(
    feeds.labels as tf.Tensor1D,
    { classes, labelSmoothing: config.training.labelSmoothing },
    feeds.mixShare,
  );
  const images = blend(normalise(feeds.images as tf.Tensor, normalisationOf(config)), feeds.mixPixels);
  const loss = (...trained: tf.Tensor[]) => {
    const all = {
      ...parameters,
      ...Object.fromEntries(names.map((name, index) => [name, trained[index] as tf.Tensor])),
    };
    const contextOf = (block: number) => dropPathContext(dropPath, feeds.dropPath, block);
    const logits = runNetwork(network, images, all, contextOf, config.training.recompute);
    return crossEntropy(logits as tf.Tensor2D, targets);
  };
  const { value, grads } = tf.valueAndGrads(loss)(
    names.map((name) => parameters[name] as tf.Tensor),
    state.lossScale as tf.Scalar | undefined,
  );
  return { loss: value, gradient: tf.concat1d(grads.map((gradient) => tf.reshape(gradient, [-1]))) };
}

/** Blends each image [B, S, S, C] with its mirror in the batch by a weight per pixel [S, S]. */
function blend(images: tf.Tensor, pixels: tf.Tensor | undefined): tf.Tensor {
  if (!pixels) return images;
  const own = tf.expandDims(tf.expandDims(pixels, 0), -1); // [1, S, S, 1]
  return tf.add(tf.mul(images, own), tf.mul(tf.reverse(images, 0), tf.sub(1, own)));
}

function applied(
  { adamw: optimiser, lossScaling }: StepSettings,
  { trained }: NetworkLayouts,
  state: Tensors,
  gradient: tf.Tensor,
  scalars: Tensors,
  outputs: Tensors,
) {
  const { parameters, m, v } = state;
  if (!parameters || !m || !v) throw new RangeError('the optimiser needs parameters, m and v');
  if (!lossScaling) {
    const { gradientNorm, ...next } = adamw({ parameters, m, v }, gradient, scalars, trained, optimiser);
    return { state: { ...next }, outputs: { ...outputs, gradientNorm } };
  }
  const corrections = nextBiasCorrections(state, optimiser);
  const { gradientNorm, ...next } = adamw(
    { parameters, m, v },
    tf.mul(gradient, tf.reciprocal(state.lossScale as tf.Tensor)),
    { ...scalars, ...corrections, biasCorrection2: tf.sqrt(corrections.biasCorrection2) },
    trained,
    optimiser,
  );
  const result = scaledResult(state, { ...next, ...corrections }, gradientNorm, lossScaling);
  return { state: result, outputs: { ...outputs, gradientNorm, lossScale: result.lossScale as tf.Tensor } };
}
