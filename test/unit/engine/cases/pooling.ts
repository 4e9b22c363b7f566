import * as tf from '@tensorflow/tfjs-core';
import { normals, wholeNumbers } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

type Pad = Parameters<typeof tf.maxPool>[3];
type Pair = number | [number, number];

const unpadded: readonly [number[], Pair, Pair, Pad][] = [
  [[2, 6, 4, 3], 2, 2, 'valid'],
  [[1, 7, 8, 2], 3, 2, 'valid'],
  [[1, 7, 8, 2], [2, 3], [1, 2], 'valid'],
  [[2, 5, 5, 2], 2, 3, 'valid'],
  [[2, 4, 4, 2], 4, 4, 'same'],
];
const padded: readonly [number[], Pair, Pair, Pad][] = [
  [[2, 5, 6, 2], 3, 1, 'same'],
  [[1, 8, 8, 2], 3, 2, 'same'],
  [[1, 7, 7, 2], 3, 2, 1],
];

const cases = ([size, window, strides, pad]: (typeof padded)[number]): KernelCase[] => {
  const name = `[${size}] by ${window} strides ${strides} pad ${pad}`;
  const x = normals('x', size);
  // Few values, so that many windows hold their maximum more than once.
  const ties = wholeNumbers('ties', size, 3);
  const maximum = (tensor: tf.Tensor | undefined) => tf.maxPool(image(tensor), window, strides, pad);
  const average = (tensor: tf.Tensor | undefined) => tf.avgPool(image(tensor), window, strides, pad);
  return [
    ...['MaxPool', 'MaxPoolGrad'].map(
      (kernel): KernelCase => ({ kernel, name, inputs: { x }, body: (given) => maximum(given.x), gradient: 'engines' }),
    ),
    {
      kernel: 'MaxPoolGrad',
      name: `${name} with ties`,
      inputs: { ties },
      body: (given) => tf.grad(maximum)(tf.cast(given.ties as tf.Tensor, 'float32')),
      gradient: 'none',
    },
    ...[false, true].map(
      (inBatch): KernelCase => ({
        kernel: 'MaxPoolWithArgmax',
        name: `${name} with ties, indices ${inBatch ? 'in the batch' : 'in the image'}`,
        inputs: { ties },
        body(given) {
          const values = tf.cast(image(given.ties), 'float32');
          const found = tf.maxPoolWithArgmax(values, window, strides, pad as 'same', inBatch);
          return tf.concat([found.result as tf.Tensor, tf.cast(found.indexes as tf.Tensor, 'float32')], 0);
        },
        gradient: 'none',
      }),
    ),
    ...['AvgPool', 'AvgPoolGrad'].map(
      (kernel): KernelCase => ({
        kernel,
        name,
        inputs: { x },
        body: (given) => average(given.x),
        gradient: 'differences',
      }),
    ),
  ];
};

const integers: KernelCase = {
  kernel: 'MaxPool',
  name: 'of integers',
  inputs: { x: wholeNumbers('x', [1, 4, 4, 2], 100) },
  body: ({ x }) => tf.maxPool(image(x), 2, 2, 'valid'),
  gradient: 'none',
};

export const poolingCases: readonly KernelCase[] = [...[...unpadded, ...padded].flatMap(cases), integers];
