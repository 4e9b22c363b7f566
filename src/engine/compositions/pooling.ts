import * as tf from '@tensorflow/tfjs-core';
import { poolingOf } from '../kernels/geometry.ts';
import { type Compositions, input } from './composition.ts';
import { framed, spread, sumOfWindows, windowsOf } from './windows.ts';

export const pooling: Compositions = {
  /** Average pooling again, of dy spread out by the strides; as in tfjs, places outside the image count. */
  AvgPoolGrad(inputs, attributes) {
    const geometry = poolingOf(input(inputs, 'input').shape, attributes);
    const { filterHeight, filterWidth, inHeight, inWidth, padInfo } = geometry;
    const far = spread(input(inputs, 'dy'), geometry.strideHeight, geometry.strideWidth);
    const corner = [padInfo.top - filterHeight + 1, padInfo.left - filterWidth + 1] as const;
    const padded = framed(far, corner, [inHeight + filterHeight - 1, inWidth + filterWidth - 1]);
    return tf.avgPool(padded, [filterHeight, filterWidth], 1, 'valid');
  },
  /** dy goes to the first place of the window, in row-major order, that holds the maximum. */
  MaxPoolGrad(inputs, attributes) {
    const x = input<tf.Rank.R4>(inputs, 'input');
    const maximum = input(inputs, 'output');
    const geometry = poolingOf(x.shape, attributes);
    let rest = input<tf.Rank.R4>(inputs, 'dy');
    const zeros = tf.zerosLike(rest);
    const parts = windowsOf(x, geometry, Number.NEGATIVE_INFINITY).map((window) => {
      const isMaximum = tf.equal(window, maximum);
      const part = tf.where(isMaximum, rest, zeros);
      rest = tf.where(isMaximum, zeros, rest);
      return part;
    });
    return sumOfWindows(parts, geometry);
  },
};
