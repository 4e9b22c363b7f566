import { backend_util } from '@tensorflow/tfjs-core';
import type { Attributes, Value } from '../graph.ts';
import { type Kernels, sizeOfAll } from './kernel.ts';

type Shape4 = [number, number, number, number];

/** The geometry of a convolution over images [B, H, W, C] with a filter [kH, kW, C, D]. */
export function convolutionOf(image: readonly number[], filter: readonly number[], attributes: Attributes) {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes as {
    strides: number | [number, number];
    pad: 'same' | 'valid' | number;
    dilations?: number | [number, number];
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
    dataFormat?: 'NHWC' | 'NCHW';
  };
  if (dataFormat === 'NCHW') throw new RangeError('convolutions take images as [batch, height, width, channels] only');
  const geometry = backend_util.computeConv2DInfo(
    image as Shape4,
    filter as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  );
  const { padInfo, strideHeight, strideWidth, effectiveFilterHeight, effectiveFilterWidth } = geometry;
  const positions = (extent: number, pads: number, field: number, stride: number) =>
    Math.floor((extent + pads - field) / stride) + 1;
  const [, height = 0, width = 0] = image;
  const fits =
    positions(height, padInfo.top + padInfo.bottom, effectiveFilterHeight, strideHeight) === geometry.outHeight &&
    positions(width, padInfo.left + padInfo.right, effectiveFilterWidth, strideWidth) === geometry.outWidth;
  // Given padding as a number, tfjs takes the filter to be square and undilated.
  if (!fits) throw new RangeError(`a convolution of [${image}] by [${filter}] takes padding 'same' or 'valid' only`);
  return geometry;
}

/** Two per product of an output element with the filter: its height, width and input channels. */
function flopsOf(output: readonly number[], [height, width, channels]: readonly number[]): number {
  return 2 * sizeOfAll([{ dtype: 'float32', shape: output }]) * (height ?? 1) * (width ?? 1) * (channels ?? 1);
}

/** Convolutions and their gradients. */
export const convolutions: Kernels = {
  Conv2D: {
    inputs: ['x', 'filter'],
    infer([x, filter], attributes) {
      const { outShape } = convolutionOf((x as Value).shape, (filter as Value).shape, attributes);
      return [{ dtype: 'float32', shape: outShape }];
    },
    flops: ([, filter], [output]) => flopsOf(output?.shape ?? [], (filter as Value).shape),
  },
  Conv2DBackpropInput: {
    inputs: ['dy', 'filter'],
    infer: (_, { inputShape }) => [{ dtype: 'float32', shape: inputShape as number[] }],
    flops: ([dy, filter]) => flopsOf((dy as Value).shape, (filter as Value).shape),
  },
  Conv2DBackpropFilter: {
    inputs: ['x', 'dy'],
    infer: (_, { filterShape }) => [{ dtype: 'float32', shape: filterShape as number[] }],
    flops: ([, dy], _, { filterShape }) => flopsOf((dy as Value).shape, filterShape as number[]),
  },
};
