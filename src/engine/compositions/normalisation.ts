import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
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
  /** x (bias + α s)^-β with s the sum of squares over the channels around (Krizhevsky et al., 2012). */
  LRN(inputs, attributes) {
    const x = input<tf.Rank.R4>(inputs, 'x');
    return tf.mul(x, tf.pow(energyOf(x, attributes), -(attributes.beta as number)));
  },
  LRNGrad(inputs, attributes) {
    const [x, y, dy] = [input<tf.Rank.R4>(inputs, 'x'), input(inputs, 'y'), input(inputs, 'dy')];
    const { alpha, beta, depthRadius } = attributes as Record<string, number>;
    const energy = energyOf(x, attributes);
    const direct = tf.mul(dy, tf.pow(energy, -(beta as number)));
    const around = tf.matMul(tf.div(tf.mul(dy, y), energy), bandOf(x.shape[3], depthRadius as number));
    return tf.sub(direct, tf.mul(tf.mul(x, around), 2 * (alpha as number) * (beta as number)));
  },
};

/** bias + α times the sum of squares over the channels that are at most `depthRadius` away. */
function energyOf(x: tf.Tensor4D, attributes: Attributes): tf.Tensor {
  const { bias, alpha, depthRadius } = attributes as Record<string, number>;
  const sums = tf.matMul(tf.square(x), bandOf(x.shape[3], depthRadius as number));
  return tf.add(tf.mul(sums, alpha as number), bias as number);
}

/** [C, C], one where channels are neighbours. */
function bandOf(channels: number, radius: number): tf.Tensor2D {
  const isNear = (index: number) => Math.abs(Math.floor(index / channels) - (index % channels)) <= radius;
  const band = Float32Array.from({ length: channels ** 2 }, (_, index) => Number(isNear(index)));
  return tf.tensor2d(band, [channels, channels]);
}
