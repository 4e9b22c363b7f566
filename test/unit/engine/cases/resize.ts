import * as tf from '@tensorflow/tfjs-core';
import { normals } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

const sizes: [number, number][] = [
  [10, 7],
  [3, 2],
  [1, 9],
];
const modes = [
  [false, false],
  [true, false],
  [false, true],
] as const;

export const resizeCases: readonly KernelCase[] = (['Bilinear', 'NearestNeighbor'] as const).flatMap((method) =>
  sizes.flatMap((size) =>
    modes.map(([alignCorners, halfPixelCenters]): KernelCase => {
      const resize = method === 'Bilinear' ? tf.image.resizeBilinear : tf.image.resizeNearestNeighbor;
      return {
        kernel: `Resize${method}`,
        name: `[5,6] to [${size}]${alignCorners ? ', corners aligned' : ''}${halfPixelCenters ? ', half pixels' : ''}`,
        inputs: { images: normals('images', [2, 5, 6, 3]) },
        body: ({ images }) => resize(image(images), size, alignCorners, halfPixelCenters),
        gradient: 'differences',
      };
    }),
  ),
);
