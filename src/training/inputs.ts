import * as tf from '@tensorflow/tfjs-core';
import type { Normalisation } from '../data/normalisation.ts';
import type { Specs } from '../engine/program.ts';

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
