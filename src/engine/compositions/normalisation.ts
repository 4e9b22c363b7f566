import * as tf from '@tensorflow/tfjs-core';
import { type Compositions, input } from './composition.ts';

export const normalisation: Compositions = {
  /** (x - mean) / sqrt(variance + ε) * scale + offset (Ioffe and Szegedy, 2015). */
  FusedBatchNorm(inputs, { varianceEpsilon }) {
    const inverse = tf.rsqrt(tf.add(input(inputs, 'variance'), varianceEpsilon as number));
    const { scale, offset } = inputs;
    const centred = tf.sub(input(inputs, 'x'), input(inputs, 'mean'));
    const scaled = tf.mul(centred, scale ? tf.mul(inverse, scale) : inverse);
    return offset ? tf.add(scaled, offset) : scaled;
  },
};
