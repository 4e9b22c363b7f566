import { slice_util } from '@tensorflow/tfjs-core';
import { axesOf, axisOf } from '../kernels/kernel.ts';
import { batchRank, slice, splitSizes, stridedSlice } from '../kernels/layout.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { cast, indices, inputOf, type Lowering, type Lowerings, only } from './lowering.ts';

/** In a slice with a negative step: up to and including the first element. */
const BEFORE_FIRST = -(2 ** 31);

const reshape: Lowering = (context, node) => {
  const { shape } = only(node);
  const operands = [context.full(inputOf(node)), context.onnx.int64(shape)];
  // Without the attribute an extent of zero is that of the operand.
  return [context.onnx.op('Reshape', operands, shape.includes(0) ? { allowzero: 1 } : {})];
};

/** The names of a tensor's pieces along an axis: of one operator, or of one each where that is limited. */
function split({ onnx, provider }: LoweringContext, name: string, sizes: readonly number[], axis: number): string[] {
  if (sizes.length <= provider.splitOutputs) {
    const pieces = sizes.map(() => onnx.fresh());
    onnx.ops('Split', [name, onnx.int64(sizes)], { axis }, pieces);
    return pieces;
  }
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return onnx.op('Slice', [name, onnx.int64([end - size]), onnx.int64([end]), onnx.int64([axis])]);
  });
}

export const layout: Lowerings = {
  Reshape: reshape,
  ExpandDims: reshape,
  BroadcastTo: (context, node) => [
    context.onnx.op('Expand', [context.full(inputOf(node)), context.onnx.int64(only(node).shape)]),
  ],
  Transpose: (context, node) => [
    context.onnx.op('Transpose', [context.full(inputOf(node))], { perm: node.attributes.perm as number[] }),
  ],
  Slice(context, node) {
    const { onnx } = context;
    const { begin } = slice(inputOf(node).shape, node.attributes);
    const ends = begin.map((start, axis) => start + (only(node).shape[axis] as number));
    const axes = begin.map((_, axis) => axis);
    return [onnx.op('Slice', [context.full(inputOf(node)), onnx.int64(begin), onnx.int64(ends), onnx.int64(axes)])];
  },
  StridedSlice(context, node) {
    const { onnx } = context;
    const { begin, end, strides, finalShape } = stridedSlice(inputOf(node).shape, node.attributes);
    const extents = slice_util.computeOutShape(begin, end, strides);
    const ends = begin.map((start, axis) => {
      const after = start + (extents[axis] as number) * (strides[axis] as number);
      return after < 0 ? BEFORE_FIRST : after;
    });
    const axes = begin.map((_, axis) => axis);
    const bounds = [begin, ends, axes, strides].map((numbers) => onnx.int64(numbers));
    return [onnx.op('Reshape', [onnx.op('Slice', [context.full(inputOf(node)), ...bounds]), onnx.int64(finalShape)])];
  },
  Tile: (context, node) => [
    context.onnx.op('Tile', [context.full(inputOf(node)), context.onnx.int64(node.attributes.reps as number[])]),
  ],
  PadV2(context, node) {
    const { onnx } = context;
    const paddings = node.attributes.paddings as [number, number][];
    const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
    const value = onnx.scalar(node.attributes.constantValue as number, inputOf(node).dtype);
    return [onnx.op('Pad', [context.full(inputOf(node)), onnx.int64(pads), value])];
  },
  Reverse(context, node) {
    const { onnx } = context;
    const axes = axesOf(node.attributes.dims, inputOf(node).shape.length);
    const all = (value: number) => onnx.int64(axes.map(() => value));
    return [onnx.op('Slice', [context.full(inputOf(node)), all(-1), all(BEFORE_FIRST), onnx.int64(axes), all(-1)])];
  },
  Concat(context, node) {
    const axis = axisOf(node.attributes.axis, only(node).shape.length);
    return [context.onnx.op('Concat', node.inputs.map(context.full), { axis })];
  },
  Pack(context, node) {
    const { onnx } = context;
    const axis = axisOf(node.attributes.axis, only(node).shape.length);
    const pieces = node.inputs.map((value) => onnx.op('Unsqueeze', [context.full(value), onnx.int64([axis])]));
    return [onnx.op('Concat', pieces, { axis })];
  },
  Unpack(context, node) {
    const { onnx } = context;
    const axis = axisOf(node.attributes.axis, inputOf(node).shape.length);
    const sizes = node.outputs.map(() => 1);
    const pieces = split(context, context.full(inputOf(node)), sizes, axis);
    return pieces.map((piece) => onnx.op('Squeeze', [piece, onnx.int64([axis])]));
  },
  SplitV(context, node) {
    const { shape } = inputOf(node);
    const axis = axisOf(node.attributes.axis, shape.length);
    const sizes = splitSizes(shape[axis] as number, node.attributes.numOrSizeSplits);
    return split(context, context.full(inputOf(node)), sizes, axis);
  },
  GatherV2(context, node) {
    const { onnx, full } = context;
    const [x, places] = [inputOf(node), inputOf(node, 1)];
    const axis = axisOf(node.attributes.axis, x.shape.length);
    const batch = batchRank(node);
    if (batch === 0) return [onnx.op('Gather', node.inputs.map(full), { axis })];
    // Rows of [batch, axis, outer, inner] by their number, one for each batch.
    const first = x.shape.map((_, at) => (at < batch ? at : at === batch ? axis : at <= axis ? at - 1 : at));
    const rows = onnx.op('Transpose', [full(x)], { perm: first });
    const numbers = cast(context, onnx.op('Unsqueeze', [full(places), onnx.int64([-1])]), 'int64');
    const found = onnx.op('GatherND', [rows, numbers], { batch_dims: batch });
    // [batch, places, outer, inner] to [batch, outer, places, inner]
    const { length } = only(node).shape;
    const [count, outer] = [places.shape.length - batch, axis - batch];
    const back = Array.from({ length }, (_, at) =>
      at < batch || at >= batch + outer + count ? at : at < batch + outer ? at + count : at - outer,
    );
    return [onnx.op('Transpose', [found], { perm: back })];
  },
  /** ONNX Runtime's own OneHot knows few combinations of types. */
  OneHot(context, node) {
    const { onnx } = context;
    const { depth, onValue, offValue } = node.attributes as { depth: number; onValue: number; offValue: number };
    const { dtype } = only(node);
    const column = onnx.op('Unsqueeze', [context.full(inputOf(node)), onnx.int64([-1])]);
    const hot = onnx.op('Equal', [column, indices(context, depth)]);
    return [onnx.op('Where', [hot, onnx.scalar(onValue, dtype), onnx.scalar(offValue, dtype)])];
  },
  /** Elements are added one after the other, so that results are the same in every run. */
  UnsortedSegmentSum(context, node) {
    const { onnx } = context;
    const [x, ids] = [inputOf(node), inputOf(node, 1)];
    const column = onnx.int64([ids.shape[0] as number, ...x.shape.slice(1).map(() => 1)]);
    const places = onnx.op('Reshape', [context.full(ids), column]);
    // Rows of negative numbers belong nowhere; ONNX counts them from the end.
    const none = onnx.scalar(0, 'int32');
    const rows = onnx.op('Expand', [onnx.op('Max', [places, none]), onnx.int64(x.shape)]);
    const summands = onnx.op('Where', [onnx.op('Less', [places, none]), onnx.scalar(0, x.dtype), context.full(x)]);
    const zeros = onnx.op('Expand', [onnx.scalar(0, x.dtype), onnx.int64(only(node).shape)]);
    return [onnx.op('ScatterElements', [zeros, rows, summands], { axis: 0, reduction: 'add' })];
  },
};
