import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { convolutionOf, depthwiseOf, type Geometry } from '../kernels/geometry.ts';
import { type Gradient, type Gradients, runKernel } from './gradient.ts';

/** tfjs' gradients refuse dilations. */
const convolution = (kernel: 'Conv2D' | 'DepthwiseConv2dNative', geometryOf: typeof convolutionOf): Gradient => ({
  inputs: ['x', 'filter'],
  by(errors, saved, attributes) {
    const [dy] = errors as [tf.Tensor4D];
    const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
    const plain = undilated(x, dy, geometryOf(x.shape, filter.shape, attributes), attributes);
    const run = (name: string, inputs: tf.NamedTensorMap, shape: object) =>
      runKernel(kernel + name, inputs, { ...plain.attributes, ...shape }) as tf.Tensor4D;
    return {
      x: () => plain.imagesOf(run('BackpropInput', { dy: plain.dy, filter }, { inputShape: plain.x.shape })),
      filter: () => run('BackpropFilter', { x: plain.x, dy: plain.dy }, { filterShape: filter.shape }),
    };
  },
});

interface Undilated {
  readonly x: tf.Tensor4D;
  readonly dy: tf.Tensor4D;
  readonly attributes: Attributes;
  /** The images of which `x` consists. */
  imagesOf(x: tf.Tensor4D): tf.Tensor4D;
}

/**
 * The same convolution without dilation: every d-th row and column is an image of its own, since a filter with dilation d
 * sees no others (Yu and Koltun, 2016; tfjs allows dilation with strides of one only).
 */
function undilated(x: tf.Tensor4D, dy: tf.Tensor4D, geometry: Geometry, attributes: Attributes): Undilated {
  const { dilationHeight, dilationWidth, padInfo } = geometry;
  if (dilationHeight === 1 && dilationWidth === 1) return { x, dy, attributes, imagesOf: (images) => images };
  const block = [dilationHeight, dilationWidth];
  const rows = paddingOf(geometry.inHeight, geometry.outHeight, padInfo.top, dilationHeight, geometry.filterHeight);
  const columns = paddingOf(geometry.inWidth, geometry.outWidth, padInfo.left, dilationWidth, geometry.filterWidth);
  return {
    x: tf.spaceToBatchND(x, block, [rows.x, columns.x]),
    dy: tf.spaceToBatchND(dy, block, [rows.dy, columns.dy]),
    attributes: { strides: [1, 1], pad: 'valid', dataFormat: 'NHWC', dilations: [1, 1] },
    imagesOf: (images) => tf.batchToSpaceND(images, block, [rows.x, columns.x]),
  };
}

/** Along one axis, padding of x and dy to multiples of the dilation. */
function paddingOf(input: number, output: number, before: number, dilation: number, window: number) {
  const field = (window - 1) * dilation + 1;
  const padded = Math.ceil((output - 1 + field) / dilation) * dilation;
  return { x: [before, padded - input - before], dy: [0, padded - field + 1 - output] };
}

export const convolutions: Gradients = {
  Conv2D: convolution('Conv2D', convolutionOf),
  DepthwiseConv2dNative: convolution('DepthwiseConv2dNative', depthwiseOf),
};
