import { convolutionOf } from '../kernels/convolution.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { inputOf, type Lowerings, only } from './lowering.ts';

/** tfjs' images are [B, H, W, C] and its filters [kH, kW, C, D]; ONNX' are [B, C, H, W] and [D, C, kH, kW]. */
const transposed = ({ onnx }: LoweringContext, name: string, perm: readonly number[]) =>
  onnx.op('Transpose', [name], { perm });
const CHANNELS_FIRST = [0, 3, 1, 2];
const CHANNELS_LAST = [0, 2, 3, 1];
const FILTER = [3, 2, 0, 1];

type Geometry = ReturnType<typeof convolutionOf>;
const pads = ({ padInfo }: Geometry) => [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right];
const strides = ({ strideHeight, strideWidth }: Geometry) => [strideHeight, strideWidth];
const dilations = ({ dilationHeight, dilationWidth }: Geometry) => [dilationHeight, dilationWidth];

export const convolutions: Lowerings = {
  Conv2D(context, node) {
    const [x, filter] = [inputOf(node), inputOf(node, 1)];
    const geometry = convolutionOf(x.shape, filter.shape, node.attributes);
    const operands = [
      transposed(context, context.full(x), CHANNELS_FIRST),
      transposed(context, context.full(filter), FILTER),
    ];
    const attributes = { pads: pads(geometry), strides: strides(geometry), dilations: dilations(geometry) };
    return [transposed(context, context.onnx.op('Conv', operands, attributes), CHANNELS_LAST)];
  },
  Conv2DBackpropInput(context, node) {
    const [dy, filter] = [inputOf(node), inputOf(node, 1)];
    const { shape } = only(node);
    const geometry = convolutionOf(shape, filter.shape, node.attributes);
    const { padInfo, filterHeight, filterWidth, outHeight, outWidth, strideHeight, strideWidth } = geometry;
    // Rows and columns at the end that no position of the filter reached.
    const spare = [
      (shape[1] as number) + padInfo.top + padInfo.bottom - filterHeight - (outHeight - 1) * strideHeight,
      (shape[2] as number) + padInfo.left + padInfo.right - filterWidth - (outWidth - 1) * strideWidth,
    ];
    const operands = [
      transposed(context, context.full(dy), CHANNELS_FIRST),
      transposed(context, context.full(filter), FILTER),
    ];
    const attributes = { pads: pads(geometry), strides: strides(geometry), output_padding: spare };
    return [transposed(context, context.onnx.op('ConvTranspose', operands, attributes), CHANNELS_LAST)];
  },
  /** A convolution again: of the images, with batch and channels exchanged, by dy spread out by the strides. */
  Conv2DBackpropFilter(context, node) {
    const { onnx } = context;
    const [x, dy] = [inputOf(node), inputOf(node, 1)];
    const { shape } = only(node);
    const geometry = convolutionOf(x.shape, shape, node.attributes);
    const images = transposed(context, context.full(x), [3, 0, 1, 2]); // [C, B, H, W]
    const kernel = transposed(context, context.full(dy), [3, 0, 1, 2]); // [D, B, outH, outW]
    const attributes = { pads: pads(geometry), dilations: strides(geometry), strides: [1, 1] };
    const products = onnx.op('Conv', [images, kernel], attributes); // [C, D, kH + spare, kW + spare]
    const ends = onnx.int64([geometry.filterHeight, geometry.filterWidth]);
    const kept = onnx.op('Slice', [products, onnx.int64([0, 0]), ends, onnx.int64([2, 3])]);
    return [transposed(context, kept, [2, 3, 0, 1])];
  },
};
