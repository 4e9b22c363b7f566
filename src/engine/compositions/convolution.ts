import * as tf from '@tensorflow/tfjs-core';
import { convolutionOf, depthwiseOf } from '../kernels/geometry.ts';
import { type Compositions, input } from './composition.ts';
import { windowsOf } from './windows.ts';

type Shape4 = [number, number, number, number];

/** Gradients of convolutions by their filters: for every place of the filter, what it saw times dy. */
export const convolutions: Compositions = {
  /** Two to three times as fast as a convolution with batch and channels exchanged, or as one product of all places. */
  Conv2DBackpropFilter(inputs, attributes) {
    const x = input<tf.Rank.R4>(inputs, 'x');
    const filterShape = attributes.filterShape as Shape4;
    const [, , inChannels, outChannels] = filterShape;
    const errors = tf.reshape(input(inputs, 'dy'), [-1, outChannels]);
    const products = windowsOf(x, convolutionOf(x.shape, filterShape, attributes)).map((window) =>
      tf.matMul(tf.reshape(window, [-1, inChannels]), errors, true),
    );
    return tf.reshape(tf.concat(products, 0), filterShape);
  },
  DepthwiseConv2dNativeBackpropFilter(inputs, attributes) {
    const x = input<tf.Rank.R4>(inputs, 'x');
    const filterShape = attributes.filterShape as Shape4;
    const [, , channels, multiplier] = filterShape;
    const errors = tf.reshape(input(inputs, 'dy'), [-1, channels, multiplier]);
    const sums = windowsOf(x, depthwiseOf(x.shape, filterShape, attributes)).map((window) =>
      tf.sum(tf.mul(tf.reshape(window, [-1, channels, 1]), errors), 0),
    );
    return tf.reshape(tf.stack(sums), filterShape);
  },
};
