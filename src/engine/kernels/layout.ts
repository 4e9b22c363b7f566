import { backend_util, slice_util, type Tensor, type TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/tensor.ts';
import { type Attributes, type Node, sameShape, type Value, type ValueType } from '../graph.ts';
import { axesOf, axisOf, check, type Kernel, type Kernels, like, noFlops, sameElsewhere, shaped } from './kernel.ts';

const extentOf = ({ shape }: Value, axis: number) => shape[axis] as number;

/** Kernels that move, repeat, select or reinterpret elements. */
const moving: Kernels = {
  /** Ours, not tfjs': a lazily broadcast tensor. */
  BroadcastTo: shaped('x', (x, { shape }) => ({ dtype: x.dtype, shape: shape as number[] })),
  Reshape: shaped('x', (x, { shape }) => {
    const wanted = shape as number[];
    const known = wanted.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
    const resolved = wanted.map((extent) => (extent === -1 ? sizeOf(x.shape) / known : extent));
    check(resolved.every(Number.isInteger) && sizeOf(resolved) === sizeOf(x.shape), `cannot become [${wanted}]`);
    return { dtype: x.dtype, shape: resolved };
  }),
  ExpandDims: shaped('input', (x, { dim }) => {
    const shape = [...x.shape];
    shape.splice(axisOf(dim, x.shape.length + 1), 0, 1);
    return { dtype: x.dtype, shape };
  }),
  Transpose: shaped('x', (x, { perm }) => ({
    dtype: x.dtype,
    shape: (perm as number[]).map((axis) => extentOf(x, axis)),
  })),
  Slice: shaped('x', (x, attributes) => {
    const { begin, size } = slice(x.shape, attributes);
    const inside = size.every((extent, axis) => {
      const start = begin[axis] as number;
      return start >= 0 && extent >= 0 && start + extent <= extentOf(x, axis);
    });
    check(inside, `has no elements [${begin}] to [${begin.map((start, axis) => start + (size[axis] as number))}]`);
    return { dtype: x.dtype, shape: size };
  }),
  StridedSlice: shaped('x', (x, attributes) => ({
    dtype: x.dtype,
    shape: stridedSlice(x.shape, attributes).finalShape,
  })),
  Tile: shaped('x', (x, { reps }) => ({
    dtype: x.dtype,
    shape: x.shape.map((extent, axis) => extent * ((reps as number[])[axis] as number)),
  })),
  PadV2: shaped('x', (x, { paddings }) => ({
    dtype: x.dtype,
    shape: x.shape.map((extent, axis) => {
      const [before, after] = (paddings as [number, number][])[axis] as [number, number];
      return extent + before + after;
    }),
  })),
  Reverse: shaped('x', (x, { dims }) => {
    axesOf(dims, x.shape.length);
    return like(x);
  }),
  Concat: {
    inputs: 'list',
    infer(inputs, { axis }) {
      const first = inputs[0] as Value;
      const along = axisOf(axis, first.shape.length);
      const fit = inputs.every(({ shape }) => sameElsewhere(shape, first.shape, along));
      check(fit, `shapes differ in more than axis ${along}`);
      const total = inputs.reduce((sum, input) => sum + extentOf(input, along), 0);
      return [{ dtype: first.dtype, shape: first.shape.map((extent, index) => (index === along ? total : extent)) }];
    },
  },
  Pack: {
    inputs: 'list',
    infer(inputs, { axis }) {
      const first = inputs[0] as Value;
      check(
        inputs.every((input) => sameShape(input.shape, first.shape) && input.dtype === first.dtype),
        'shapes or types differ',
      );
      const shape = [...first.shape];
      shape.splice(axisOf(axis, shape.length + 1), 0, inputs.length);
      return [{ dtype: first.dtype, shape }];
    },
  },
  Unpack: {
    inputs: ['value'],
    outputs: 'list',
    infer([x], { axis }) {
      const { dtype, shape } = x as Value;
      const along = axisOf(axis, shape.length);
      const rest = shape.filter((_, index) => index !== along);
      return Array.from({ length: shape[along] as number }, () => ({ dtype, shape: rest }));
    },
  },
  SplitV: {
    inputs: ['x'],
    outputs: 'list',
    infer([x], { numOrSizeSplits, axis }) {
      const { dtype, shape } = x as Value;
      const along = axisOf(axis, shape.length);
      const sizes = splitSizes(shape[along] as number, numOrSizeSplits);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      check(sizes.every(Number.isInteger) && total === shape[along], `axis ${along} cannot be split into [${sizes}]`);
      return sizes.map((size) => ({
        dtype,
        shape: shape.map((extent, index) => (index === along ? size : extent)),
      }));
    },
  },
  GatherV2: {
    inputs: ['x', 'indices'],
    infer([x, indices], { axis, batchDims }) {
      const [images, places] = [x, indices].map((value) => ({ shape: [...(value as Value).shape] }) as TensorInfo);
      const along = axisOf(axis, (x as Value).shape.length);
      const { collectGatherOpShapeInfo } = backend_util.segment_util;
      const given = (batchDims as number | undefined) ?? 0;
      const { outputShape } = collectGatherOpShapeInfo(images as TensorInfo, places as TensorInfo, along, given);
      return [{ dtype: (x as Value).dtype, shape: outputShape }];
    },
  },
  OneHot: shaped('indices', (x, { depth, dtype }) => ({
    dtype: dtype as ValueType,
    shape: [...x.shape, depth as number],
  })),
};

/** Rows summed by segment: the gradient of gathering. */
const UnsortedSegmentSum: Kernel = {
  inputs: ['x', 'segmentIds'],
  infer([x, ids], { numSegments }) {
    const { dtype, shape } = x as Value;
    return [{ dtype, shape: [numSegments as number, ...shape.slice((ids as Value).shape.length)] }];
  },
};

export const layout: Kernels = {
  ...Object.fromEntries(Object.entries(moving).map(([name, kernel]) => [name, { ...kernel, flops: noFlops }])),
  UnsortedSegmentSum,
};

/** Lengths of the pieces of a split, given as their number or as a list in which -1 stands for the rest. */
export function splitSizes(extent: number, numOrSizeSplits: unknown): number[] {
  if (typeof numOrSizeSplits === 'number') return Array(numOrSizeSplits).fill(extent / numOrSizeSplits) as number[];
  const sizes = numOrSizeSplits as number[];
  const known = sizes.reduce((sum, size) => (size === -1 ? sum : sum + size), 0);
  return sizes.map((size) => (size === -1 ? extent - known : size));
}

/** A slice's begin and size for every axis; tfjs leaves out trailing ones and writes -1 for the rest of an axis. */
export function slice(shape: readonly number[], { begin, size }: Attributes) {
  const tensor = { shape: [...shape] } as unknown as Tensor;
  const [begins, sizes] = slice_util.parseSliceParams(tensor, begin as number[], size as number[]);
  return { begin: begins as number[], size: sizes as number[] };
}

/** A strided slice with its masks resolved; `finalShapeSparse` is the result's shape before axes are dropped or added. */
export function stridedSlice(shape: readonly number[], attributes: Attributes) {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes as Record<
    'beginMask' | 'endMask' | 'ellipsisMask' | 'newAxisMask' | 'shrinkAxisMask',
    number
  > &
    Record<'begin' | 'end' | 'strides', number[]>;
  return slice_util.sliceInfo(
    [...shape],
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
}

/** How many leading axes of a gather's operand and indices belong together. */
export function batchRank({ inputs, attributes }: Node): number {
  const given = (attributes.batchDims as number | undefined) ?? 0;
  return given < 0 ? given + (inputs[1] as Value).shape.length : given;
}
