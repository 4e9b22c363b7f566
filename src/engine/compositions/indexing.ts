import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/tensor.ts';
import { type Composition, type Compositions, input } from './composition.ts';

/** Coordinates [..., depth] in row-major order as one number each. */
function flatIndices(coordinates: tf.Tensor, extents: readonly number[]): tf.Tensor1D {
  const strides = extents.map((_, axis) => sizeOf(extents.slice(axis + 1)));
  const parts = tf.reshape(coordinates, [-1, extents.length]);
  return tf.sum(tf.mul(parts, tf.tensor1d(strides, 'int32')), 1);
}

/** How often each number below `size` occurs in the last axis, or the sum of its weights. */
const count: Composition = (inputs, { size, binaryOutput }) => {
  const { weights } = inputs;
  const hot = tf.oneHot(tf.cast(input(inputs, 'x'), 'int32'), size as number, 1, 0, 'float32');
  if (binaryOutput) return tf.max(hot, -2);
  return tf.sum(weights && weights.size > 0 ? tf.mul(hot, tf.expandDims(weights, -1)) : hot, -2);
};

export const indexing: Compositions = {
  /** Updates of the same coordinates are added one after the other, so that results are the same in every run. */
  ScatterNd(inputs, attributes) {
    const [indices, updates] = [input(inputs, 'indices'), input(inputs, 'updates')];
    const shape = attributes.shape as number[];
    const depth = indices.rank === 1 ? 1 : (indices.shape.at(-1) as number);
    const outer = shape.slice(0, depth);
    const flat = flatIndices(indices, outer);
    const rows = tf.reshape(updates, [flat.shape[0], -1]);
    return tf.reshape(tf.unsortedSegmentSum(rows, flat, sizeOf(outer)), shape);
  },
  SparseToDense(inputs, attributes) {
    const shape = attributes.outputShape as number[];
    const indices = tf.reshape(input(inputs, 'sparseIndices'), [-1, shape.length]);
    const values = tf.broadcastTo(input(inputs, 'sparseValues'), [indices.shape[0] as number]);
    return tf.tensorScatterUpdate(tf.broadcastTo(input(inputs, 'defaultValue'), shape), indices, values);
  },
  Diag(inputs) {
    const x = input(inputs, 'x');
    const flat = tf.reshape(x, [-1, 1]);
    const rows = tf.where(tf.cast(tf.eye(x.size), 'bool'), flat, tf.zerosLike(flat));
    return tf.reshape(rows, [...x.shape, ...x.shape]);
  },
  Bincount: (inputs, attributes) => count({ ...inputs, x: tf.reshape(input(inputs, 'x'), [-1]) }, attributes),
  DenseBincount: count,
  /** For every value [B, M] how many elements of the sorted sequence [B, N] come before it. */
  SearchSorted(inputs, { side }) {
    const sequence = tf.expandDims(input(inputs, 'sortedSequence'), 1);
    const values = tf.expandDims(input(inputs, 'values'), 2);
    const isBefore = side === 'left' ? tf.less(sequence, values) : tf.lessEqual(sequence, values);
    return tf.sum(tf.cast(isBefore, 'int32'), 2);
  },
  LinSpace(_, attributes) {
    const { start, stop, num } = attributes as Record<'start' | 'stop' | 'num', number>;
    const step = num > 1 ? (stop - start) / (num - 1) : 0;
    return tf.tensor1d(Float32Array.from({ length: num }, (_unused, index) => start + index * step));
  },
  FlipLeftRight: (inputs) => tf.reverse(input(inputs, 'image'), 2),
};
