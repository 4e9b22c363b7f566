import * as tf from '@tensorflow/tfjs-core';
import type { Gradients } from './gradient.ts';

export const elementwise: Gradients = {
  /** By the output, so that the input need not be kept, and in fewer passes than tfjs' step function. */
  Relu: {
    outputs: [true],
    by([dy], [y]) {
      return { x: () => tf.mul(dy, tf.cast(tf.greater(y as tf.Tensor, 0), 'float32')) };
    },
  },
};
