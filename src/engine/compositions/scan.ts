import * as tf from '@tensorflow/tfjs-core';
import { axisOf } from '../kernels/kernel.ts';
import { type Compositions, input } from './composition.ts';

/** x moved by `by` places along an axis towards its end, or its start where negative, with `fill` in the places left. */
export function shifted(x: tf.Tensor, axis: number, by: number, fill: number): tf.Tensor {
  const pads = x.shape.map((_, index): [number, number] =>
    index === axis ? [Math.max(0, by), Math.max(0, -by)] : [0, 0],
  );
  const begin = x.shape.map((_, index) => (index === axis ? Math.max(0, -by) : 0));
  return tf.slice(tf.pad(x, pads, fill), begin, x.shape);
}

/** Products of all elements of an axis up to each, in passes as many as the logarithm of the extent. */
export function cumulativeProduct(x: tf.Tensor, axis: number): tf.Tensor {
  let product = x;
  for (let by = 1; by < (x.shape[axis] as number); by *= 2) product = tf.mul(product, shifted(product, axis, by, 1));
  return product;
}

export const scans: Compositions = {
  Cumprod(inputs, attributes) {
    const x = input(inputs, 'x');
    const axis = axisOf(attributes.axis, x.rank);
    const forward = attributes.reverse ? tf.reverse(x, axis) : x;
    const product = cumulativeProduct(attributes.exclusive ? shifted(forward, axis, 1, 1) : forward, axis);
    return attributes.reverse ? tf.reverse(product, axis) : product;
  },
};
