import * as tf from '@tensorflow/tfjs-core';

/** [B, T, D] as T tensors [B, D]. */
export function steps(x: tf.Tensor): tf.Tensor2D[] {
  return tf.unstack(tf.transpose(x, [1, 0, 2])) as tf.Tensor2D[];
}

/** T tensors [B, D] as [B, T, D]. */
export function sequence(values: readonly tf.Tensor[]): tf.Tensor3D {
  return tf.transpose(tf.stack([...values]), [1, 0, 2]) as tf.Tensor3D;
}

/** σ'(x) by σ(x). */
export function sigmoidSlope(value: tf.Tensor): tf.Tensor {
  return tf.mul(value, tf.sub(1, value));
}

/** tanh'(x) by tanh(x). */
export function tanhSlope(value: tf.Tensor): tf.Tensor {
  return tf.sub(1, tf.square(value));
}

/** The gradient by a weight [out, in] of products with it at many steps, as one product: all errors by all that they met. */
export function weightGradient(errors: readonly tf.Tensor[], inputs: readonly tf.Tensor[]): tf.Tensor2D {
  return tf.matMul(tf.concat([...errors], 0) as tf.Tensor2D, tf.concat([...inputs], 0) as tf.Tensor2D, true, false);
}
