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
  /** The maximum and the row-major position in the image, or the batch, of the first place that holds it. */
  MaxPoolWithArgmax(inputs, attributes) {
    const x = input<tf.Rank.R4>(inputs, 'x');
    const [batch, height, width, channels] = x.shape;
    const { filterSize, strides, pad, includeBatchInIndex } = attributes as {
      filterSize: [number, number];
      strides: [number, number];
      pad: 'same';
      includeBatchInIndex: boolean;
    };
    const maximum = tf.maxPool(x, filterSize, strides, pad);
    const geometry = poolingOf(x.shape, attributes);
    const pixels = tf.reshape(tf.range(0, height * width, 1, 'int32'), [1, height, width, 1]) as tf.Tensor4D;
    const places = windowsOf(pixels, { ...geometry, batchSize: 1, inChannels: 1 });
    const windows = windowsOf(x, geometry, Number.NEGATIVE_INFINITY);
    const none = tf.zeros(maximum.shape, 'int32') as tf.Tensor;
    // From the last place to the first, which so replaces the others.
    const pixel = windows.reduceRight(
      (found, window, place) => tf.where(tf.equal(window, maximum), places[place] as tf.Tensor, found),
      none,
    );
    const inImage = tf.add(
      tf.mul(pixel, tf.scalar(channels, 'int32')),
      tf.reshape(tf.range(0, channels, 1, 'int32'), [1, 1, 1, channels]),
    );
    if (!includeBatchInIndex) return [maximum, inImage];
    const first = tf.mul(tf.range(0, batch, 1, 'int32'), tf.scalar(height * width * channels, 'int32'));
    return [maximum, tf.add(inImage, tf.reshape(first, [batch, 1, 1, 1]))];
  },
};
