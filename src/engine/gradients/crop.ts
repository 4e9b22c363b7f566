import * as tf from '@tensorflow/tfjs-core';
import { fractionsOf, type Sample, samplesOf } from '../compositions/crop.ts';
import { type Gradients, nothing } from './gradient.ts';

export const crops: Gradients = {
  CropAndResize: {
    inputs: ['image', 'boxes', 'boxInd'],
    by([dy], saved, attributes) {
      const [image, boxes, imageOf] = saved as [tf.Tensor4D, tf.Tensor, tf.Tensor];
      const [batch, height, width, channels] = image.shape;
      const { samples } = samplesOf(image.shape, boxes, imageOf, attributes);
      const toImage = () => {
        const sums = samples.map(({ index, weight }) =>
          tf.unsortedSegmentSum(
            tf.reshape(tf.mul(dy, weight), [-1, channels]),
            tf.reshape(index, [-1]) as tf.Tensor1D,
            batch * height * width,
          ),
        );
        return tf.reshape(tf.addN(sums), image.shape);
      };
      const toBoxes = () => {
        const pixels = tf.reshape(image, [-1, channels]);
        const byPosition = (slope: (sample: Sample) => tf.Tensor, across: number) =>
          tf.sum(tf.addN(samples.map((sample) => tf.mul(tf.mul(dy, tf.gather(pixels, sample.index)), slope(sample)))), [
            across,
            3,
          ]);
        const edges = (errorsOfPixels: tf.Tensor, extent: number) => {
          const toSecond = fractionsOf(errorsOfPixels.shape[1] as number);
          return [tf.sub(1, toSecond), toSecond].map((share) =>
            tf.mul(tf.sum(tf.mul(errorsOfPixels, share), 1), extent - 1),
          ) as [tf.Tensor, tf.Tensor];
        };
        const [top, bottom] = edges(
          byPosition(({ byRow }) => byRow, 2),
          height,
        );
        const [left, right] = edges(
          byPosition(({ byColumn }) => byColumn, 1),
          width,
        );
        return tf.stack([top, left, bottom, right], 1);
      };
      return { image: toImage, boxes: toBoxes, boxInd: nothing(imageOf) };
    },
  },
};
