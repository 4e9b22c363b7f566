import * as tf from '@tensorflow/tfjs-core';
import { cumulativeProduct, shifted } from '../compositions/scan.ts';
import { axisOf } from '../kernels/kernel.ts';
import type { Gradients } from './gradient.ts';

export const scans: Gradients = {
  /**
   * With y_i = x_i y_(i-1), the gradient by y_i is dy_i + x_(i+1) times the one by y_(i+1): a linear recurrence, which is
   * unrolled by doubling. No division, so zeros are no exception.
   */
  Cumprod: {
    inputs: ['x'],
    by([errors], [input], attributes) {
      const axis = axisOf(attributes.axis, (input as tf.Tensor).rank);
      const oriented = (tensor: tf.Tensor) => (attributes.reverse ? tf.reverse(tensor, axis) : tensor);
      const toX = () => {
        const x = oriented(input as tf.Tensor);
        const dy = oriented(errors);
        let sum = attributes.exclusive ? shifted(dy, axis, -1, 0) : dy;
        let factor = shifted(x, axis, -1, 0);
        for (let by = 1; by < (x.shape[axis] as number); by *= 2) {
          sum = tf.add(sum, tf.mul(factor, shifted(sum, axis, -by, 0)));
          factor = tf.mul(factor, shifted(factor, axis, -by, 0));
        }
        return oriented(tf.mul(sum, cumulativeProduct(shifted(x, axis, 1, 1), axis)));
      };
      return { x: toX };
    },
  },
};
