import * as tf from '@tensorflow/tfjs-core';
import { float32, int32 } from '../../../../src/util/tensor.ts';
import { normals, wholeNumbers } from '../../../support/compare-engines.ts';
import type { KernelCase } from './case.ts';

const coordinates = int32(Int32Array.of(0, 2, 1, 0, 0, 2, 1, 1), [4, 2]);
const distinct = int32(Int32Array.of(0, 2, 1, 0, 0, 1), [3, 2]);
const given = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor;

export const indexingCases: readonly KernelCase[] = [
  {
    kernel: 'GatherNd',
    name: 'rows, one of them twice',
    inputs: { x: normals('x', [2, 3, 4]), at: coordinates },
    body: ({ x, at }) => tf.gatherND(given(x), given(at)),
    gradient: 'differences',
  },
  {
    kernel: 'GatherNd',
    name: 'elements by a grid of coordinates',
    inputs: { x: normals('x', [2, 3]), at: int32(coordinates.data as Int32Array, [2, 2, 2]) },
    body: ({ x, at }) => tf.gatherND(given(x), given(at)),
    gradient: 'differences',
  },
  {
    kernel: 'ScatterNd',
    name: 'rows, two of them to one place',
    inputs: { x: normals('x', [4, 5]), at: coordinates },
    body: ({ x, at }) => tf.scatterND(given(at), given(x), [2, 3, 5]),
    gradient: 'differences',
  },
  {
    kernel: 'TensorScatterUpdate',
    name: 'rows',
    inputs: { x: normals('x', [2, 3, 4]), updates: normals('updates', [3, 4]), at: distinct },
    body: ({ x, updates, at }) => tf.tensorScatterUpdate(given(x), given(at), given(updates)),
    gradient: 'differences',
  },
  {
    kernel: 'SparseToDense',
    name: 'with a default',
    inputs: { values: normals('values', [3]), at: distinct },
    body: ({ values, at }) => tf.sparseToDense(given(at), given(values), [2, 3], 0.5),
    gradient: 'none',
  },
  {
    kernel: 'Diag',
    name: 'a matrix',
    inputs: { x: normals('x', [2, 3]) },
    body: ({ x }) => tf.diag(given(x)),
    gradient: 'none',
  },
  {
    kernel: 'Bincount',
    name: 'with weights, one number beyond the bins',
    inputs: { x: wholeNumbers('x', [9], 5), weights: normals('weights', [9]) },
    body: ({ x, weights }) => tf.bincount(given(x) as tf.Tensor1D, given(weights) as tf.Tensor1D, 4),
    gradient: 'none',
  },
  ...[false, true].map(
    (binary): KernelCase => ({
      kernel: 'DenseBincount',
      name: binary ? 'occurrence in rows' : 'rows',
      inputs: { x: wholeNumbers('x', [3, 6], 5) },
      body: ({ x }) => tf.denseBincount(given(x) as tf.Tensor2D, [], 5, binary),
      gradient: 'none',
    }),
  ),
  ...(['left', 'right'] as const).map(
    (side): KernelCase => ({
      kernel: 'SearchSorted',
      name: side,
      inputs: {
        sequence: float32(Float32Array.of(0, 1, 1, 4, 2, 2, 3, 5), [2, 4]),
        values: float32(Float32Array.of(1, -1, 4.5, 2, 5, 6), [2, 3]),
      },
      body: ({ sequence, values }) => tf.searchSorted(given(sequence), given(values), side),
      gradient: 'none',
    }),
  ),
  {
    kernel: 'Atan2',
    name: 'all quadrants',
    inputs: { a: normals('a', [3, 4]), b: normals('b', [4]) },
    body: ({ a, b }) => tf.atan2(given(a), given(b)),
    gradient: 'engines',
  },
  {
    kernel: 'Atan2',
    name: 'axes and origin',
    inputs: { a: int32(Int32Array.of(0, 0, 0, 1, -1)), b: int32(Int32Array.of(0, 1, -1, 0, 0)) },
    body: ({ a, b }) => tf.atan2(tf.cast(given(a), 'float32'), tf.cast(given(b), 'float32')),
    gradient: 'none',
  },
  {
    kernel: 'LinSpace',
    name: 'times a tensor',
    inputs: { x: normals('x', [5]) },
    body: ({ x }) => tf.mul(tf.linspace(-1, 2, 5), given(x)),
    gradient: 'engines',
  },
];
