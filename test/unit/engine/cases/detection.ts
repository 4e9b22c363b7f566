import * as tf from '@tensorflow/tfjs-core';
import { float32, int32 } from '../../../../src/util/tensor.ts';
import { normals, wholeNumbers } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

/** Boxes within, across and beyond the image, upside down and of one point. */
const boxes = float32(
  Float32Array.of(
    ...[0.1, 0.2, 0.8, 0.9],
    ...[-0.2, 0.3, 0.6, 1.4],
    ...[0.87, 0.83, 0.21, 0.12],
    ...[0.5, 0.5, 0.5, 0.5],
    ...[0, 0, 1, 1],
  ),
  [5, 4],
);
const boxInd = int32(Int32Array.of(0, 1, 1, 0, 1));

const crops = (['bilinear', 'nearest'] as const).flatMap((method) =>
  (
    [
      [3, 4],
      [1, 2],
    ] as [number, number][]
  ).map(
    (size): KernelCase => ({
      kernel: 'CropAndResize',
      name: `${method} to [${size}]`,
      inputs: { image: normals('image', [2, 6, 5, 3]) },
      body: ({ image: from }) =>
        tf.image.cropAndResize(
          image(from),
          tf.tensor2d(boxes.data as Float32Array, [5, 4]),
          tf.tensor1d(boxInd.data as Int32Array, 'int32'),
          size,
          method,
          0.5,
        ),
      gradient: 'differences',
    }),
  ),
);

const byBoxes: KernelCase = {
  kernel: 'CropAndResize',
  name: 'as a function of the boxes',
  inputs: {
    image: normals('image', [1, 3, 3, 2]),
    boxes: float32(Float32Array.of(0.1, 0.2, 0.85, 0.9, 0.7, 0.15, 0.1, 0.8), [2, 4]),
  },
  body: ({ image: from, boxes: around }) =>
    tf.image.cropAndResize(image(from), around as tf.Tensor2D, [0, 0], [2, 2], 'bilinear'),
  gradient: 'differences',
};

/** Clusters of boxes that overlap more and less, with scores that fall on both sides of a threshold. */
const candidates = Float32Array.from({ length: 24 }, (_, index) => [0, 0, 2, 2, 0, 1, 2, 3][index % 8] as number);
candidates.forEach((edge, index) => {
  candidates[index] = edge + Math.floor(index / 8) * 1.5;
});

const suppression = [0.3, 1 / 3, 0.5].flatMap((overlap): KernelCase[] =>
  ['selectedIndices', 'validOutputs'].map((part) => ({
    kernel: 'NonMaxSuppressionV4',
    name: `${part} at an overlap of ${overlap}`,
    inputs: {
      boxes: float32(candidates, [6, 4]),
      scores: float32(Float32Array.of(0.5, 0.9, 0.7, 0.2, 0.9, 0.05)),
    },
    body: (given) =>
      tf.image.nonMaxSuppressionPadded(given.boxes as tf.Tensor2D, given.scores as tf.Tensor1D, 5, overlap, 0.1, true)[
        part
      ] as tf.Tensor,
    gradient: 'none',
  })),
);

const largest = (part: 'values' | 'indices', inputs: KernelCase['inputs'], gradient: KernelCase['gradient']) => ({
  kernel: 'TopK',
  name: `${part} of ${inputs.x?.dtype}`,
  inputs,
  body: ({ x }: Readonly<Record<string, tf.Tensor>>) => tf.topk(x as tf.Tensor, 3)[part],
  gradient,
});

export const detectionCases: readonly KernelCase[] = [
  ...crops,
  byBoxes,
  ...suppression,
  largest('values', { x: normals('x', [2, 3, 5]) }, 'differences'),
  largest('indices', { x: normals('x', [2, 3, 5]) }, 'none'),
  // Few values, so that there are ties.
  largest('values', { x: wholeNumbers('x', [4, 6], 3) }, 'none'),
  largest('indices', { x: wholeNumbers('x', [4, 6], 3) }, 'none'),
  {
    kernel: 'FlipLeftRight',
    name: 'images',
    inputs: { image: normals('image', [2, 3, 4, 2]) },
    body: (given) => tf.image.flipLeftRight(image(given.image)),
    gradient: 'differences',
  },
];
