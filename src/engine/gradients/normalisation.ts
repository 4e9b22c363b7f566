import * as tf from '@tensorflow/tfjs-core';
import type { Gradients } from './gradient.ts';

export const normalisation: Gradients = {
  /** As tfjs', in fewer passes over the images: what is summed is scaled after the sum. */
  FusedBatchNorm: {
    inputs: ['x', 'mean', 'variance', 'scale'],
    by([dy], saved, { varianceEpsilon }) {
      const [x, mean, variance, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor | undefined];
      const inverse = tf.rsqrt(tf.add(variance, varianceEpsilon as number));
      const slope = scale ? tf.mul(inverse, scale) : inverse;
      const axes = tf.broadcast_util.getReductionAxes(mean.shape, x.shape);
      const summed = (tensor: tf.Tensor) =>
        tf.reshape(axes.length === 0 ? tensor : tf.sum(tensor, axes), mean.shape) as tf.Tensor;
      const total = () => summed(dy);
      const tilt = () => summed(tf.mul(dy, tf.sub(x, mean)));
      return {
        x: () => tf.mul(dy, slope),
        mean: () => tf.neg(tf.mul(total(), slope)),
        variance: () => tf.mul(tf.mul(tilt(), -0.5), tf.mul(slope, tf.square(inverse))),
        scale: () => tf.mul(tilt(), inverse),
        offset: total,
      };
    },
  },
};
