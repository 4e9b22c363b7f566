import { type Geometry, padsOf, poolingOf } from '../kernels/geometry.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { NCHWC } from '../onnx-format.ts';
import { channelsFirst, channelsLast } from './image-layout.ts';
import { cast, inputOf, type Lowering, type Lowerings } from './lowering.ts';

type Pool = 'AveragePool' | 'MaxPool';

/** What lies outside the image is neither counted nor a maximum. */
const pool =
  (type: Pool): Lowering =>
  (context, node) => {
    const x = inputOf(node);
    const geometry = poolingOf(x.shape, node.attributes);
    const { filterHeight, filterWidth } = geometry;
    const pads = padsOf(geometry);
    const seesImage = pads.every((pad, side) => pad < (side % 2 === 0 ? filterHeight : filterWidth));
    if (seesImage && context.inBlocks(x) && x.dtype === 'float32')
      return [{ blocks: window(context, type, context.blocks(x), geometry, pads, NCHWC) }];
    // ONNX Runtime pools no integers of 32 bits.
    const numbers = x.dtype === 'float32' ? context.full(x) : cast(context, context.full(x), 'float32');
    const images = channelsFirst(context, numbers);
    const result = seesImage ? window(context, type, images, geometry, pads) : framed(context, type, images, geometry);
    const pooled = channelsLast(context, result);
    return [x.dtype === 'float32' ? pooled : cast(context, pooled, x.dtype)];
  };

function window(
  { onnx }: LoweringContext,
  type: Pool,
  images: string,
  geometry: Geometry,
  pads: number[],
  domain = '',
): string {
  const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
  const attributes = { kernel_shape: [filterHeight, filterWidth], strides: [strideHeight, strideWidth], pads };
  return onnx.op(type, [images], attributes, undefined, domain);
}

/** ONNX Runtime takes no padding in which a window fits as a whole, and merges the operator Pad into what pools. */
function framed(context: LoweringContext, type: Pool, images: string, geometry: Geometry): string {
  const { onnx } = context;
  const { batchSize, inChannels, inHeight, inWidth } = geometry;
  const [top, left, bottom, right] = padsOf(geometry) as [number, number, number, number];
  const filling = type === 'MaxPool' ? Number.NEGATIVE_INFINITY : 0;
  const around = (name: string, [batch, channels]: readonly [number, number]) => {
    const filled = (...extents: number[]) =>
      onnx.op('Expand', [onnx.scalar(filling, 'float32'), onnx.int64([batch, channels, ...extents])]);
    const tall = onnx.op('Concat', [filled(top, inWidth), name, filled(bottom, inWidth)], { axis: 2 });
    const height = top + inHeight + bottom;
    return onnx.op('Concat', [filled(height, left), tall, filled(height, right)], { axis: 3 });
  };
  const inside = (name: string) => window(context, type, name, geometry, [0, 0, 0, 0]);
  const result = inside(around(images, [batchSize, inChannels]));
  if (type === 'MaxPool') return result;
  const ones = onnx.op('Expand', [onnx.scalar(1, 'float32'), onnx.int64([1, 1, inHeight, inWidth])]);
  return onnx.op('Div', [result, inside(around(ones, [1, 1]))]);
}

export const pooling: Lowerings = {
  AvgPool: pool('AveragePool'),
  MaxPool: pool('MaxPool'),
};
