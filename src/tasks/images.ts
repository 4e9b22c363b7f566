import * as tf from '@tensorflow/tfjs-core';
import type { Normalisation } from '../data/normalisation.ts';

/** Image bytes [B, S, S, C] to zero mean and unit variance per channel. */
export function normalise(images: tf.Tensor, { mean, std }: Normalisation): tf.Tensor {
  const offset = tf.tensor1d(mean.map((value) => value * 255));
  const scale = tf.tensor1d(std.map((value) => 1 / (value * 255)));
  return tf.mul(tf.sub(tf.cast(images, 'float32'), offset), scale);
}

/** Normalised images to values in [0, 1]. */
export function denormalise(images: tf.Tensor, { mean, std }: Normalisation): tf.Tensor {
  return tf.add(tf.mul(images, tf.tensor1d([...std])), tf.tensor1d([...mean]));
}

/** Blends each image [B, S, S, C] with its mirror in the batch by a weight per pixel [S, S]. */
export function blend(images: tf.Tensor, pixels: tf.Tensor): tf.Tensor {
  const own = tf.expandDims(tf.expandDims(pixels, 0), -1); // [1, S, S, 1]
  return tf.add(tf.mul(images, own), tf.mul(tf.reverse(images, 0), tf.sub(1, own)));
}

/** Mean over all elements of -t log σ(z) - (1 - t) log(1 - σ(z)), of logits z against t in [0, 1]. */
export function binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  // Without the exponential of a large number: max(z, 0) - z t + log(1 + exp(-|z|)).
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), rest));
}
