import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/tensor.ts';
import type { Gradients } from './gradient.ts';

export const indexing: Gradients = {
  GatherNd: {
    inputs: ['params', 'indices'],
    by([dy], [params, indices]) {
      return {
        params: () => tf.scatterND(indices as tf.Tensor, dy as tf.Tensor, (params as tf.Tensor).shape),
      };
    },
  },
  ScatterNd: {
    inputs: ['indices', 'updates'],
    by([dy], [indices, updates]) {
      const places = indices as tf.Tensor;
      const columns = places.rank === 1 ? tf.expandDims(places, 1) : places;
      return {
        updates: () => tf.reshape(tf.gatherND(dy as tf.Tensor, columns), (updates as tf.Tensor).shape),
      };
    },
  },
  TensorScatterUpdate: {
    inputs: ['indices', 'updates'],
    by([dy], [indices, updates]) {
      const [errors, places] = [dy as tf.Tensor, indices as tf.Tensor];
      const isReplaced = () => tf.greater(tf.scatterND(places, tf.onesLike(updates as tf.Tensor), errors.shape), 0);
      return {
        tensor: () => tf.where(isReplaced(), tf.zerosLike(errors), errors),
        updates: () => tf.gatherND(errors, places),
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
      const flat = tf.add(found, tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(extent, 'int32')).expandDims(1));
      const toX = () =>
        tf.unsortedSegmentSum(tf.reshape(dy as tf.Tensor, [-1]), tf.reshape(flat, [-1]) as tf.Tensor1D, rows * extent);
      return { x: () => tf.reshape(toX(), shape) };
    },
  },
  FlipLeftRight: {
    by: ([dy]) => ({ image: () => tf.reverse(dy as tf.Tensor, 2) }),
  },
};
