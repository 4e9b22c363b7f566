import * as tf from '@tensorflow/tfjs-core';

/** Images [B, H, W, C] by PyTorch's filter [out, in, k, k], with padding that keeps the side at stride 1. */
export function convolution(x: tf.Tensor, filter: tf.Tensor, stride: number): tf.Tensor {
  const size = filter.shape[2] as number;
  return tf.conv2d(x as tf.Tensor4D, tf.transpose(filter as tf.Tensor4D, [2, 3, 1, 0]), stride, (size - 1) / 2);
}
