import { padsOf, poolingOf } from '../kernels/geometry.ts';
import { channelsFirst, channelsLast } from './image-layout.ts';
import { cast, inputOf, type Lowering, type Lowerings } from './lowering.ts';

/** What lies outside the image is neither counted nor a maximum. */
const pool =
  (type: string): Lowering =>
  (context, node) => {
    const x = inputOf(node);
    const geometry = poolingOf(x.shape, node.attributes);
    const attributes = {
      kernel_shape: [geometry.filterHeight, geometry.filterWidth],
      strides: [geometry.strideHeight, geometry.strideWidth],
      pads: padsOf(geometry),
    };
    // ONNX Runtime pools no integers of 32 bits.
    const numbers = x.dtype === 'float32' ? context.full(x) : cast(context, context.full(x), 'float32');
    const pooled = channelsLast(context, context.onnx.op(type, [channelsFirst(context, numbers)], attributes));
    return [x.dtype === 'float32' ? pooled : cast(context, pooled, x.dtype)];
  };

export const pooling: Lowerings = {
  AvgPool: pool('AveragePool'),
  MaxPool: pool('MaxPool'),
};
