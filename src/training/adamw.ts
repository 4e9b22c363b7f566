import * as tf from '@tensorflow/tfjs-core';
import type { Specs, Tensors } from '../engine/program.ts';
import type { HostTensors } from '../util/tensor.ts';
import { float32 } from '../util/tensor.ts';
import type { Layout } from './layout.ts';

export interface AdamWSettings {
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Largest norm of the gradient, or of each group's; null: no clipping. */
  readonly clip: number | null;
  /** What the vector consists of, in its order, where parameters are clipped in groups; absent: all together. */
  readonly groups?: readonly ClipGroup[];
}

/** So many elements of one group. */
export interface ClipGroup {
  readonly group: number;
  readonly size: number;
}

/** Scalars that change from step to step, so that one traced graph serves all steps. */
export const adamwFeeds: Specs = {
  learningRate: { dtype: 'float32', shape: [] },
  /** 1 - beta1^t and sqrt(1 - beta2^t) of step t, counted from 1. */
  biasCorrection1: { dtype: 'float32', shape: [] },
  biasCorrection2: { dtype: 'float32', shape: [] },
};

/** The scalars of steps whose bias corrections are part of the state. */
export const scaledAdamwFeeds: Specs = { learningRate: { dtype: 'float32', shape: [] } };

export function adamwScalars(settings: AdamWSettings, step: number, learningRate: number): HostTensors {
  const scalar = (value: number) => float32(Float32Array.of(value), []);
  return {
    learningRate: scalar(learningRate),
    biasCorrection1: scalar(1 - settings.beta1 ** step),
    biasCorrection2: scalar(Math.sqrt(1 - settings.beta2 ** step)),
  };
}

export interface AdamWState {
  readonly parameters: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/**
 * One step of AdamW (Loshchilov and Hutter, ICLR 2019; as `torch.optim.AdamW`) over flat vectors [P], after clipping
 * the gradient's norm (as `torch.nn.utils.clip_grad_norm_`).
 */
export function adamw(
  { parameters, m, v }: AdamWState,
  gradient: tf.Tensor,
  scalars: Tensors,
  layout: Layout,
  settings: AdamWSettings,
): AdamWState & { readonly gradientNorm: tf.Tensor } {
  const { learningRate, biasCorrection1, biasCorrection2 } = scalars as Record<string, tf.Tensor>;
  if (!learningRate || !biasCorrection1 || !biasCorrection2) throw new RangeError('AdamW needs its scalars');
  // The order of what does not depend on each other is one in which ONNX Runtime, which computes the latest recorded of
  // several operands first, holds few vectors at a time.
  const kept = tf.sub(1, tf.mul(learningRate, settings.weightDecay));
  const decayed = decay(parameters, kept, layout, settings);
  const clipped = settings.clip === null ? gradient : clip(gradient, settings.clip, settings.groups);
  const nextM = tf.add(tf.mul(m, settings.beta1), tf.mul(clipped, 1 - settings.beta1));
  const nextV = tf.add(tf.mul(v, settings.beta2), tf.mul(tf.square(clipped), 1 - settings.beta2));
  const denominator = tf.add(tf.div(tf.sqrt(nextV), biasCorrection2), settings.eps);
  const step = tf.mul(tf.div(nextM, denominator), tf.div(learningRate, biasCorrection1));
  return { parameters: tf.sub(decayed, step), m: nextM, v: nextV, gradientNorm: norm([gradient]) };
}

function clip(gradient: tf.Tensor, largest: number, groups: readonly ClipGroup[] | undefined): tf.Tensor {
  if (!groups) return tf.mul(gradient, clipFactor([gradient], largest));
  const pieces = tf.split(
    gradient,
    groups.map(({ size }) => size),
  );
  const factors = new Map<number, tf.Tensor>();
  const factorOf = (group: number) => {
    const factor =
      factors.get(group) ??
      clipFactor(
        pieces.filter((_, at) => groups[at]?.group === group),
        largest,
      );
    factors.set(group, factor);
    return factor;
  };
  const clipped = pieces.map((piece, at) => tf.mul(piece, factorOf((groups[at] as ClipGroup).group)));
  return tf.concat(clipped, 0);
}

function clipFactor(vectors: readonly tf.Tensor[], largest: number): tf.Tensor {
  return tf.minimum(1, tf.div(largest, tf.add(norm(vectors), 1e-6)));
}

/** Of all elements together. */
function norm(vectors: readonly tf.Tensor[]): tf.Tensor {
  const [first, ...others] = vectors.map((vector) => tf.sum(tf.square(vector))) as [tf.Tensor, ...tf.Tensor[]];
  return tf.sqrt(others.reduce((sum, square) => tf.add(sum, square), first));
}

/** Elements that are decayed at a time: memory for small pieces is easier to find than for the whole vector. */
const PIECE = 2 ** 21;

function decay(parameters: tf.Tensor, kept: tf.Tensor, { size, decayed }: Layout, settings: AdamWSettings): tf.Tensor {
  if (settings.weightDecay === 0 || decayed === 0) return parameters;
  if (decayed === size) return tf.mul(parameters, kept);
  const pieces = Array.from({ length: Math.ceil(decayed / PIECE) }, (_, at) => Math.min(PIECE, decayed - at * PIECE));
  const parts = tf.split(parameters, [...pieces, size - decayed]);
  return tf.concat(
    parts.map((part, at) => (at < pieces.length ? tf.mul(part, kept) : part)),
    0,
  );
}
