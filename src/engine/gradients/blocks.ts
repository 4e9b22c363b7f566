import * as tf from '@tensorflow/tfjs-core';
import type { Gradients } from './gradient.ts';

export const blocks: Gradients = {
  /** The inverse, [B, H * b, W * b, C] to [B, H, W, b * b * C]. */
  DepthToSpace: {
    by(errors, _, attributes) {
      const [dy] = errors as [tf.Tensor4D];
      const size = attributes.blockSize as number;
      const [batch, rows, columns, channels] = dy.shape;
      const [height, width] = [rows / size, columns / size];
      const split = tf.reshape(dy, [batch, height, size, width, size, channels]);
      const gathered = tf.transpose(split, [0, 1, 3, 2, 4, 5]);
      return { x: () => tf.reshape(gathered, [batch, height, width, size * size * channels]) };
    },
  },
};
