import * as tf from '@tensorflow/tfjs-core';
import { normals } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

const paddings = [
  [1, 0],
  [0, 2],
];

export const blockCases: readonly KernelCase[] = [
  {
    kernel: 'SpaceToBatchND',
    name: 'rows and columns',
    inputs: { x: normals('x', [2, 5, 4, 3]) },
    body: ({ x }) => tf.spaceToBatchND(image(x), [2, 3], paddings),
    gradient: 'engines',
  },
  {
    kernel: 'BatchToSpaceND',
    name: 'rows and columns',
    inputs: { x: normals('x', [12, 3, 2, 3]) },
    body: ({ x }) => tf.batchToSpaceND(image(x), [2, 3], paddings),
    gradient: 'engines',
  },
  ...(['max', 'avg'] as const).map(
    (kind): KernelCase => ({
      kernel: 'SpaceToBatchND',
      name: `dilated pooling, ${kind}`,
      inputs: { x: normals('x', [1, 6, 7, 2]) },
      body: ({ x }) => tf.pool(image(x), 2, kind, 'valid', [2, 3]),
      gradient: 'differences',
    }),
  ),
  {
    kernel: 'DepthToSpace',
    name: 'blocks of two',
    inputs: { x: normals('x', [2, 3, 2, 12]) },
    body: ({ x }) => tf.depthToSpace(image(x), 2),
    gradient: 'differences',
  },
];
