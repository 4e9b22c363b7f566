import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/precision.ts';
import type { Specs, Tensors } from '../engine/program.ts';
import { float32, type HostTensors } from '../util/tensor.ts';

/**
 * Dynamic loss scaling (Micikevicius et al., ICLR 2018), as `torch.amp.GradScaler`: the loss's gradient is multiplied by
 * a scale, so that small gradients do not vanish in float16. A step whose gradient is not finite changes nothing but the
 * scale.
 */
export interface LossScaling {
  readonly initial: number;
  /** Factor of the scale after `interval` good steps in a row. */
  readonly growth: number;
  /** Factor of the scale after a step whose gradient was not finite. */
  readonly backoff: number;
  readonly interval: number;
}

/** The defaults of `torch.amp.GradScaler`. */
const gradScaler: LossScaling = { initial: 2 ** 16, growth: 2, backoff: 0.5, interval: 2000 };

/** Below the range of float32, so that drivers which know no infinities compare alike. */
export const LARGEST = 3e38;
/** An infinite scale would never become finite again. */
const LARGEST_SCALE = 2 ** 96;
/** No gradient that this scale does not save from overflowing can be trained on (as in fairseq, 1e-4). */
export const SMALLEST_SCALE = 2 ** -14;

/** How a precision is scaled; null where gradients have the range of float32. */
export function lossScalingOf(precision: Precision): LossScaling | null {
  return precision === 'fp16' ? gradScaler : null;
}

const scalar = { dtype: 'float32', shape: [] } as const;

/**
 * What scaling keeps from step to step, beside the optimiser's slots. The bias corrections are running means of ones with
 * the decay of m and of v: they count the steps that were taken and not the skipped ones.
 */
export const lossScalingSpecs: Specs = {
  lossScale: scalar,
  goodSteps: scalar,
  biasCorrection1: scalar,
  biasCorrection2: scalar,
};

/** The state of {@link lossScalingSpecs} before the first step; empty where nothing is scaled. */
export function initialLossScaling(scaling: LossScaling | null): HostTensors {
  if (!scaling) return {};
  const initial: Readonly<Record<string, number>> = { lossScale: scaling.initial };
  return Object.fromEntries(
    Object.keys(lossScalingSpecs).map((name) => [name, float32(Float32Array.of(initial[name] ?? 0), [])]),
  );
}

/** The bias corrections of the step that is being computed, by the names of {@link lossScalingSpecs}. */
export function nextBiasCorrections(
  { biasCorrection1, biasCorrection2 }: Tensors,
  { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
): Record<'biasCorrection1' | 'biasCorrection2', tf.Tensor> {
  const next = (mean: tf.Tensor | undefined, beta: number) => tf.add(tf.mul(mean as tf.Tensor, beta), 1 - beta);
  return { biasCorrection1: next(biasCorrection1, beta1), biasCorrection2: next(biasCorrection2, beta2) };
}

/** Whether a scalar is a finite number. */
export function isFiniteScalar(value: tf.Tensor): tf.Tensor {
  return tf.lessEqual(tf.abs(value), LARGEST);
}

/** What a step would replace where it is finite, otherwise what `state` has of it, to the last bit. */
export function whereFinite(finite: tf.Tensor, state: Tensors, next: Tensors): Tensors {
  const kept = Object.entries(next).map(([name, value]) => [name, tf.where(finite, value, state[name] as tf.Tensor)]);
  return Object.fromEntries(kept);
}

/**
 * The state after a step: `next` where the step is finite, otherwise `state` to the last bit, and in both cases
 * the new scale.
 *
 * @param next what the step would replace, by name
 * @param finite whether the step is taken, as a boolean scalar
 */
export function scaledResult(
  state: Tensors,
  next: Tensors,
  finite: tf.Tensor,
  { growth, backoff, interval }: LossScaling,
): Tensors {
  const { lossScale, goodSteps } = state as Record<'lossScale' | 'goodSteps', tf.Tensor>;
  const good = tf.add(goodSteps, 1);
  const grows = tf.greaterEqual(good, interval);
  const grown = tf.where(grows, tf.minimum(tf.mul(lossScale, growth), LARGEST_SCALE), lossScale);
  return {
    ...whereFinite(finite, state, next),
    lossScale: tf.where(finite, grown, tf.mul(lossScale, backoff)),
    goodSteps: tf.where(tf.logicalAnd(finite, tf.less(good, interval)), good, tf.zerosLike(good)),
  };
}
