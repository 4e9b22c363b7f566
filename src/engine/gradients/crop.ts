import * as tf from '@tensorflow/tfjs-core';
import { samplesOf } from '../compositions/crop.ts';
import type { Gradients } from './gradient.ts';

export const crops: Gradients = {
  /** By the image only: boxes are where one looked. */
  CropAndResize: {
    inputs: ['image', 'boxes', 'boxInd'],
    by([errors], [image, boxes, imageOf], attributes) {
      const { shape } = image as tf.Tensor4D;
      const [batch, height, width, channels] = shape;
      const toImage = () => {
        const { samples } = samplesOf(shape, boxes as tf.Tensor, imageOf as tf.Tensor, attributes);
        const dy = errors as tf.Tensor;
        const sums = samples.map(({ row, weight }) =>
          tf.unsortedSegmentSum(
            tf.reshape(tf.mul(dy, weight), [-1, channels]),
            tf.reshape(row, [-1]) as tf.Tensor1D,
            batch * height * width,
          ),
        );
        return tf.reshape(tf.addN(sums), shape);
      };
      return { image: toImage };
    },
  },
};
