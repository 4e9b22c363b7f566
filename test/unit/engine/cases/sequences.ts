import * as tf from '@tensorflow/tfjs-core';
import { float32 } from '../../../../src/util/tensor.ts';
import { normals } from '../../../support/compare-engines.ts';
import type { KernelCase } from './case.ts';

const given = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor;
/** With two zeros in one row, where dividing by an element would fail. */
const zeros = float32(Float32Array.of(2, 0, 3, -1, 1.5, 0.5, 0, 2, 0, -2), [2, 5]);

const equations: readonly [string, number[], number[]?][] = [
  ['ij,jk->ik', [2, 3], [3, 4]],
  ['bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 5, 4]],
  ['bij,jk->kbi', [2, 3, 4], [4, 2]],
  ['ij,ij->', [2, 3], [2, 3]],
  ['ijs,jk->ik', [2, 3, 2], [3, 2]],
  ['i,j->ij', [3], [2]],
  ['ij,ij->j', [3, 2], [3, 2]],
  ['ijk->ki', [2, 3, 4]],
];

export const sequenceCases: readonly KernelCase[] = [
  ...equations.map(
    ([equation, left, right]): KernelCase => ({
      kernel: 'Einsum',
      name: equation,
      inputs: { a: normals('a', left), ...(right && { b: normals('b', right) }) },
      body: ({ a, b }) => (b ? tf.einsum(equation, given(a), b) : tf.einsum(equation, given(a))),
      gradient: 'differences',
    }),
  ),
  ...[0, 1].flatMap((axis) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map(
        (reverse): KernelCase => ({
          kernel: 'Cumprod',
          name: `axis ${axis}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
          inputs: { zeros },
          body: (inputs) => tf.cumprod(given(inputs.zeros), axis, exclusive, reverse),
          gradient: 'differences',
        }),
      ),
    ),
  ),
  {
    kernel: 'Prod',
    name: 'with zeros',
    inputs: { zeros },
    body: (inputs) => tf.prod(given(inputs.zeros), 1),
    gradient: 'differences',
  },
  {
    kernel: 'Prod',
    name: 'of axes between which others lie',
    inputs: { x: normals('x', [3, 2, 4]) },
    body: ({ x }) => tf.prod(given(x), [0, 2], true),
    gradient: 'differences',
  },
  ...(['reflect', 'symmetric'] as const).map(
    (mode): KernelCase => ({
      kernel: 'MirrorPad',
      name: mode,
      inputs: { x: normals('x', [3, 4, 2]) },
      body: ({ x }) =>
        tf.mirrorPad(
          given(x),
          [
            [2, 1],
            [0, 3],
            [1, 1],
          ],
          mode,
        ),
      gradient: 'differences',
    }),
  ),
  ...(
    [
      [
        [0, 2, 3],
        [2, 0, 0],
        [1, -1, -2],
      ],
      [
        [0, 0, 1],
        [2, 3, 4],
        [1, 2, 2],
      ],
      [
        [1, 1, 3],
        [2, 2, 0],
        [2, 1, -3],
      ],
      [
        [0, 2, 0],
        [2, 2, 4],
        [1, 1, 1],
      ],
    ] as const
  ).map(
    ([begin, end, strides]): KernelCase => ({
      kernel: 'StridedSlice',
      name: `[${begin}] to [${end}] by [${strides}]`,
      inputs: { x: normals('x', [2, 3, 4]) },
      body: ({ x }) => tf.stridedSlice(given(x), [...begin], [...end], [...strides]),
      gradient: 'differences',
    }),
  ),
  {
    kernel: 'StridedSlice',
    name: 'an axis dropped and one added',
    inputs: { x: normals('x', [2, 3, 4]) },
    body: ({ x }) => tf.stridedSlice(given(x), [1, 0, 1], [2, 0, 3], [1, 1, 1], 0, 0, 0, 2, 1),
    gradient: 'differences',
  },
  {
    kernel: '_FusedMatMul',
    name: 'bias',
    inputs: { a: normals('a', [3, 4]), b: normals('b', [5, 4]), bias: normals('bias', [5]) },
    body: ({ a, b, bias }) => tf.fused.matMul({ a: given(a), b: given(b), bias: given(bias), transposeB: true }),
    gradient: 'differences',
  },
  ...(['FusedConv2D', 'FusedDepthwiseConv2D'] as const).map(
    (kernel): KernelCase => ({
      kernel,
      name: 'relu',
      inputs: { x: normals('x', [1, 4, 4, 2]), filter: normals('filter', [3, 3, 2, 1]) },
      body({ x, filter }) {
        const options = { x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: 1, pad: 'same' } as const;
        const convolve = kernel === 'FusedConv2D' ? tf.fused.conv2d : tf.fused.depthwiseConv2d;
        return convolve({ ...options, activation: 'relu' });
      },
      gradient: 'none',
    }),
  ),
];
