import { slice_util } from '@tensorflow/tfjs-core';
import { axesOf, axisOf } from '../../kernels/kernel.ts';
import { batchRank, slice, splitSizes, stridedSlice } from '../../kernels/layout.ts';
import { typeNumbers } from '../code.ts';
import { inputOf, only, operation, type TorchLowering, type TorchLowerings } from './lowering.ts';

const rankOf = (node: Parameters<TorchLowering>[1]) => inputOf(node).shape.length;
const reshape = operation('reshape', (node) => only(node).shape);

export const layout: TorchLowerings = {
  Reshape: reshape,
  ExpandDims: reshape,
  BroadcastTo: operation('expand', (node) => only(node).shape),
  Transpose: operation('permute', ({ attributes }) => attributes.perm as number[]),
  Tile: operation('repeat', ({ attributes }) => attributes.reps as number[]),
  Reverse: operation('flip', (node) => axesOf(node.attributes.dims, rankOf(node))),
  Slice: operation('slice', (node) => {
    const { begin } = slice(inputOf(node).shape, node.attributes);
    return begin.flatMap((start, axis) => [start, start + (only(node).shape[axis] as number), 1]);
  }),
  /** torch knows no negative steps: such axes are sliced from the other end and reversed. */
  StridedSlice({ code, slot }, node) {
    const { begin, end, strides, finalShape } = stridedSlice(inputOf(node).shape, node.attributes);
    const extents = slice_util.computeOutShape(begin, end, strides);
    const bounds = begin.flatMap((start, axis) => {
      const [stride, extent] = [strides[axis] as number, extents[axis] as number];
      if (extent === 0) return [0, 0, 1];
      const last = start + (extent - 1) * stride;
      return [Math.min(start, last), Math.max(start, last) + 1, Math.abs(stride)];
    });
    const reversed = strides.flatMap((stride, axis) => (stride < 0 ? [axis] : []));
    const sliced = code.op('slice', [slot(inputOf(node))], bounds);
    const ordered = reversed.length === 0 ? sliced : code.op('flip', [sliced], reversed);
    return [code.op('reshape', [ordered], finalShape)];
  },
  PadV2: operation('pad', ({ attributes }) => [
    attributes.constantValue as number,
    ...(attributes.paddings as [number, number][]).flat(),
  ]),
  Concat: operation('cat', (node) => [axisOf(node.attributes.axis, only(node).shape.length)]),
  Pack: operation('stack', (node) => [axisOf(node.attributes.axis, only(node).shape.length)]),
  Unpack({ code, slot }, node) {
    const axis = axisOf(node.attributes.axis, rankOf(node));
    return node.outputs.map((_, index) => code.op('select', [slot(inputOf(node))], [axis, index]));
  },
  SplitV({ code, slot }, node) {
    const { shape } = inputOf(node);
    const axis = axisOf(node.attributes.axis, shape.length);
    let end = 0;
    return splitSizes(shape[axis] as number, node.attributes.numOrSizeSplits).map((size) => {
      end += size;
      return code.op('narrow', [slot(inputOf(node))], [axis, end - size, size]);
    });
  },
  GatherV2: operation('gather', (node) => [axisOf(node.attributes.axis, rankOf(node)), batchRank(node)]),
  OneHot: operation('one_hot', (node) => {
    const { depth, onValue, offValue } = node.attributes as Record<'depth' | 'onValue' | 'offValue', number>;
    return [depth, onValue, offValue, typeNumbers[only(node).dtype]];
  }),
  UnsortedSegmentSum: operation('segment_sum', ({ attributes }) => [attributes.numSegments as number]),
};
