import * as tf from '@tensorflow/tfjs-core';
import type { Weights } from '../forward.ts';

/** [B, T, in] times the weight [in, out] of a name, plus its bias. */
export function linear(x: tf.Tensor, weights: Weights, name: string): tf.Tensor3D {
  return tf.add(product(x, weights(`${name}.weight`), false), weights(`${name}.bias`));
}

/** Features [B, T, D] to logits [B, T, V] by a weight [V, D]. */
export function tokenLogits(x: tf.Tensor, weight: tf.Tensor): tf.Tensor3D {
  return product(x, weight, true);
}

/** [B, T, in] times a weight [in, out], or [out, in] where it is transposed. */
export function product(x: tf.Tensor, weight: tf.Tensor, isTransposed: boolean): tf.Tensor3D {
  const [batch, length, inputs] = x.shape as [number, number, number];
  const rows = tf.reshape(x, [batch * length, inputs]);
  const outputs = weight.shape[isTransposed ? 0 : 1] as number;
  return tf.reshape(tf.matMul(rows, weight as tf.Tensor2D, false, isTransposed), [batch, length, outputs]);
}
