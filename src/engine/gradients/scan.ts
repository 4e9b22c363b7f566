import * as tf from '@tensorflow/tfjs-core';
import { cumulativeProduct, shifted } from '../compositions/scan.ts';
import { axesOf, axisOf } from '../kernels/kernel.ts';
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
  /** By each factor the product of all others, so zeros are no exception. tfjs' own needs operations that are chained. */
  Prod: {
    inputs: ['x'],
    by([dy], [input], { axis }) {
      const toX = () => {
        const x = input as tf.Tensor;
        const reduced = axesOf(axis, x.rank);
        const order = [...x.shape.keys()].filter((dimension) => !reduced.includes(dimension)).concat(reduced);
        const moved = tf.transpose(x, order);
        const factors = tf.reshape(moved, [dy.size, -1]);
        const others = tf.mul(tf.cumprod(factors, 1, true), tf.cumprod(factors, 1, true, true));
        const errors = tf.reshape(tf.mul(tf.reshape(dy, [-1, 1]), others), moved.shape);
        return tf.transpose(errors, tf.backend_util.getUndoAxesPermutation(order));
      };
      return { x: toX };
    },
  },
};
