import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.ts';
import type { Specs } from '../engine/program.ts';

/** Mean and standard deviation of ImageNet's channels, in [0, 1]. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** How image bytes become the network's input. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export function normalisationOf(config: RunConfig): Normalisation {
  const { channels } = config.model;
  const perChannel = (values: readonly number[]) =>
    channels === values.length ? values : [values.reduce((sum, value) => sum + value, 0) / values.length];
  return {
    mean: config.data.mean ?? perChannel(imageNet.mean),
    std: config.data.std ?? perChannel(imageNet.std),
  };
}

/** The feeds of a batch, as the data room delivers it. */
export function batchFeeds(batch: number, imageSize: number, channels: number): Specs {
  return {
    images: { dtype: 'uint8', shape: [batch, imageSize, imageSize, channels] },
    labels: { dtype: 'int32', shape: [batch] },
  };
}

/** Image bytes [B, S, S, C] to zero mean and unit variance per channel. */
export function normalise(images: tf.Tensor, { mean, std }: Normalisation): tf.Tensor {
  const offset = tf.tensor1d(mean.map((value) => value * 255));
  const scale = tf.tensor1d(std.map((value) => 1 / (value * 255)));
  return tf.mul(tf.sub(tf.cast(images, 'float32'), offset), scale);
}
