import * as tf from '@tensorflow/tfjs-core';
import { normals } from '../../../support/compare-engines.ts';
import { image, type KernelCase } from './case.ts';

type Pad = Parameters<typeof tf.conv2d>[3];
const explicit: Pad = [
  [0, 0],
  [2, 1],
  [0, 3],
  [0, 0],
];

const geometries: readonly { size: number[]; filter: number[]; strides: number | [number, number]; pad: Pad }[] = [
  { size: [2, 6, 5, 3], filter: [3, 3], strides: 1, pad: 'same' },
  { size: [2, 6, 5, 3], filter: [3, 3], strides: 2, pad: 'same' },
  { size: [1, 7, 8, 2], filter: [2, 4], strides: [2, 3], pad: 'valid' },
  { size: [2, 8, 8, 2], filter: [3, 3], strides: 3, pad: 'valid' },
  { size: [2, 6, 6, 2], filter: [3, 3], strides: 2, pad: 1 },
  { size: [1, 5, 5, 2], filter: [2, 2], strides: 1, pad: 2 },
  { size: [1, 5, 6, 2], filter: [3, 2], strides: 2, pad: explicit },
  { size: [3, 4, 4, 4], filter: [1, 1], strides: 1, pad: 'same' },
  { size: [3, 5, 5, 4], filter: [1, 1], strides: 2, pad: 'same' },
];

const name = ({ size, filter, strides, pad }: (typeof geometries)[number]) =>
  `[${size}] by [${filter}] strides ${strides} pad ${JSON.stringify(pad)}`;

/** Convolutions, whose gradients have kernels of their own. */
const plain = geometries.flatMap((geometry): KernelCase[] => {
  const { size, filter, strides, pad } = geometry;
  const channels = size[3] as number;
  const operation = {
    name: name(geometry),
    inputs: { x: normals('x', size), filter: normals('filter', [...filter, channels, 5]) },
    body: ({ x, filter: kernel }: Readonly<Record<string, tf.Tensor>>) =>
      tf.conv2d(image(x), image(kernel), strides, pad),
    gradient: 'engines',
  } as const;
  const depthwise = {
    name: `${name(geometry)} per channel`,
    inputs: { x: normals('x', size), filter: normals('filter', [...filter, channels, strides === 1 ? 2 : 1]) },
    body: ({ x, filter: kernel }: Readonly<Record<string, tf.Tensor>>) =>
      tf.depthwiseConv2d(image(x), image(kernel), strides, pad),
    gradient: 'engines',
  } as const;
  return [
    ...['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'].map((kernel) => ({ ...operation, kernel })),
    ...['DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackpropInput', 'DepthwiseConv2dNativeBackpropFilter'].map(
      (kernel) => ({ ...depthwise, kernel }),
    ),
  ];
});

const transposed = (['same', 'valid'] as const).map(
  (pad): KernelCase => ({
    kernel: 'Conv2DBackpropInput',
    name: `transposed convolution, ${pad}`,
    inputs: { x: normals('x', [2, 3, 4, 3]), filter: normals('filter', [3, 3, 2, 3]) },
    body: ({ x, filter }) =>
      tf.conv2dTranspose(image(x), image(filter), pad === 'same' ? [2, 6, 8, 2] : [2, 7, 9, 2], 2, pad),
    gradient: 'engines',
  }),
);

const dilated = (['same', 'valid'] as const).flatMap((pad): KernelCase[] => [
  {
    kernel: 'Conv2D',
    name: `dilated, ${pad}`,
    inputs: { x: normals('x', [2, 7, 9, 2]), filter: normals('filter', [3, 2, 2, 3]) },
    body: ({ x, filter }) => tf.conv2d(image(x), image(filter), 1, pad, 'NHWC', [2, 3]),
    gradient: 'differences',
  },
  {
    kernel: 'DepthwiseConv2dNative',
    name: `dilated, ${pad}`,
    inputs: { x: normals('x', [2, 7, 9, 2]), filter: normals('filter', [3, 2, 2, 2]) },
    body: ({ x, filter }) => tf.depthwiseConv2d(image(x), image(filter), 1, pad, 'NHWC', [2, 3]),
    gradient: 'differences',
  },
]);

export const convolutionCases: readonly KernelCase[] = [...plain, ...transposed, ...dilated];
