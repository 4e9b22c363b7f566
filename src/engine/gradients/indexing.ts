import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/tensor.ts';
import { axisOf } from '../kernels/kernel.ts';
import { type Gradients, nothing } from './gradient.ts';

export const indexing: Gradients = {
  /** As tfjs', which lets no gradient pass by indices that were computed from parameters. */
  GatherV2: {
    inputs: ['x', 'indices'],
    by([dy], [given, indices], { axis: along, batchDims }) {
      const x = given as tf.Tensor;
      const axis = axisOf(along, x.rank);
      const extent = x.shape[axis] as number;
      const batch = sizeOf(x.shape.slice(0, batchDims as number));
      const outer = sizeOf(x.shape.slice(batchDims as number, axis));
      const inner = sizeOf(x.shape.slice(axis + 1));
      const exchanged = (tensor: tf.Tensor) => (outer === 1 ? tensor : tf.transpose(tensor, [0, 2, 1, 3]));
      const toX = () => {
        const rows = tf.reshape(indices as tf.Tensor, [batch, -1]);
        const errors = exchanged(tf.reshape(dy, [batch, outer, -1, inner]));
        const first = tf.mul(tf.range(0, batch, 1, 'int32'), tf.scalar(extent, 'int32'));
        const flat = tf.reshape(batch === 1 ? rows : tf.add(rows, tf.expandDims(first, 1)), [-1]) as tf.Tensor1D;
        const sums = tf.unsortedSegmentSum(tf.reshape(errors, [-1, outer * inner]), flat, batch * extent);
        return tf.reshape(exchanged(tf.reshape(sums, [batch, extent, outer, inner])), x.shape);
      };
      return { x: toX, indices: nothing(indices) };
    },
  },
  GatherNd: {
    inputs: ['params', 'indices'],
    by([dy], [params, indices]) {
      return {
        params: () => tf.scatterND(indices as tf.Tensor, dy, (params as tf.Tensor).shape),
        indices: nothing(indices),
      };
    },
  },
  ScatterNd: {
    inputs: ['indices', 'updates'],
    by([dy], [indices, updates]) {
      const places = indices as tf.Tensor;
      const columns = places.rank === 1 ? tf.expandDims(places, 1) : places;
      return {
        updates: () => tf.reshape(tf.gatherND(dy, columns), (updates as tf.Tensor).shape),
        indices: nothing(indices),
      };
    },
  },
  TensorScatterUpdate: {
    inputs: ['indices', 'updates'],
    by([dy], [indices, updates]) {
      const [errors, places] = [dy, indices as tf.Tensor];
      const isReplaced = () => tf.greater(tf.scatterND(places, tf.onesLike(updates as tf.Tensor), errors.shape), 0);
      return {
        tensor: () => tf.where(isReplaced(), tf.zerosLike(errors), errors),
        updates: () => tf.gatherND(errors, places),
        indices: nothing(indices),
      };
    },
  },
  TopK: {
    inputs: ['x'],
    outputs: [false, true],
    by([dy], [x, indices]) {
      const { shape } = x as tf.Tensor;
      const extent = shape.at(-1) as number;
      const rows = sizeOf(shape.slice(0, -1));
      const found = tf.reshape(indices as tf.Tensor, [rows, -1]);
      const starts = tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(extent, 'int32'));
      const flat = tf.add(found, tf.expandDims(starts, 1));
      const toX = () =>
        tf.unsortedSegmentSum(tf.reshape(dy, [-1]), tf.reshape(flat, [-1]) as tf.Tensor1D, rows * extent);
      return { x: () => tf.reshape(toX(), shape) };
    },
  },
  FlipLeftRight: {
    by: ([dy]) => ({ image: () => tf.reverse(dy, 2) }),
  },
};
