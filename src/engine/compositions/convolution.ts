import * as tf from '@tensorflow/tfjs-core';
import { depthwiseOf } from '../kernels/geometry.ts';
import { type Compositions, input } from './composition.ts';
import { windowsOf } from './windows.ts';

type Shape4 = [number, number, number, number];

/** The gradient of a depthwise convolution by its filter: for every place of the filter, what it saw times dy. */
export const convolutions: Compositions = {
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
