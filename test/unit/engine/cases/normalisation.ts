import * as tf from '@tensorflow/tfjs-core';
import { normals } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

const inputs = {
  x: normals('x', [2, 3, 4, 5]),
  mean: normals('mean', [5]),
  spread: normals('spread', [5]),
  scale: normals('scale', [5]),
  offset: normals('offset', [5]),
};
const positive = (x: tf.Tensor | undefined) => tf.add(tf.square(x as tf.Tensor), 0.5) as tf.Tensor1D;
const vector = (x: tf.Tensor | undefined) => x as tf.Tensor1D;

export const normalisationCases: readonly KernelCase[] = [
  ...['LRN', 'LRNGrad'].map(
    (kernel): KernelCase => ({
      kernel,
      name: 'two channels to each side',
      inputs: { x: normals('x', [2, 3, 2, 7]) },
      body: ({ x }) => tf.localResponseNormalization(image(x), 2, 1.5, 0.7, 0.6),
      gradient: 'differences',
    }),
  ),
  {
    kernel: 'FusedBatchNorm',
    name: 'given statistics',
    inputs,
    body: ({ x, mean, spread, scale, offset }) =>
      tf.batchNorm(image(x), vector(mean), positive(spread), vector(offset), vector(scale), 1e-3),
    gradient: 'differences',
  },
  {
    kernel: 'FusedBatchNorm',
    name: 'without scale and offset',
    inputs: { x: inputs.x, mean: inputs.mean, spread: inputs.spread },
    body: ({ x, mean, spread }) => tf.batchNorm(image(x), vector(mean), positive(spread)),
    // tfjs takes gradients only where there are both.
    gradient: 'none',
  },
  {
    kernel: 'FusedBatchNorm',
    name: 'statistics of the batch',
    inputs: { x: inputs.x, scale: inputs.scale, offset: inputs.offset },
    body({ x, scale, offset }) {
      const { mean, variance } = tf.moments(image(x), [0, 1, 2]);
      return tf.batchNorm(image(x), vector(mean), vector(variance), vector(offset), vector(scale), 1e-3);
    },
    gradient: 'differences',
  },
  {
    kernel: 'FusedBatchNorm',
    name: 'statistics of every element',
    inputs: {
      x: inputs.x,
      mean: normals('means', [2, 3, 4, 5]),
      spread: normals('spreads', [2, 3, 4, 5]),
      scale: normals('scales', [2, 3, 4, 5]),
      offset: normals('offsets', [2, 3, 4, 5]),
    },
    body: ({ x, mean, spread, scale, offset }) =>
      tf.batchNorm(image(x), image(mean), image(tf.add(tf.square(image(spread)), 0.5)), image(offset), image(scale)),
    gradient: 'differences',
  },
];
