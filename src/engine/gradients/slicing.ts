import * as tf from '@tensorflow/tfjs-core';
import { stridedSlice } from '../kernels/layout.ts';
import type { Gradients } from './gradient.ts';

/** dy of a slice of one axis, put back where it came from: `start`, `start` + `stride`, … of `extent`. */
function putBack(dy: tf.Tensor, axis: number, start: number, stride: number, extent: number): tf.Tensor {
  const count = dy.shape[axis] as number;
  if (count === extent && stride === 1) return dy;
  const [before, after] = [dy.shape.slice(0, axis), dy.shape.slice(axis + 1)];
  const step = Math.abs(stride);
  const ascending = stride < 0 ? tf.reverse(dy, axis) : dy;
  const first = stride < 0 ? start + (count - 1) * stride : start;
  const none = (shape: readonly number[]) => shape.map((): [number, number] => [0, 0]);
  const apart = tf.pad(tf.reshape(ascending, [...before, count, 1, ...after]), [
    ...none(before),
    [0, 0],
    [0, step - 1],
    ...none(after),
  ]);
  // The zeros after the last element may reach beyond the end.
  const covered = Math.min(extent - first, count * step);
  const trimmed = tf.slice(
    tf.reshape(apart, [...before, count * step, ...after]),
    dy.shape.map(() => 0),
    [...before, covered, ...after],
  );
  return tf.pad(trimmed, [...none(before), [first, extent - first - covered], ...none(after)]);
}

export const slicing: Gradients = {
  /** tfjs' own fails for one piece, whose gradient it is given without a list. */
  SplitV: {
    by: (dy, _, { axis }) => ({ x: () => tf.concat([...dy], axis as number) }),
  },
  /** As for SplitV. */
  Unpack: {
    by: (dy, _, { axis }) => ({ value: () => tf.stack([...dy], axis as number) }),
  },
  StridedSlice: {
    inputs: ['x'],
    by([dy], [x], attributes) {
      const { shape } = x as tf.Tensor;
      const { begin, end, strides } = stridedSlice(shape, attributes);
      const counts = tf.slice_util.computeOutShape(begin, end, strides);
      const whole = () =>
        counts.includes(0)
          ? tf.zeros(shape)
          : shape.reduce(
              (errors, extent, axis) => putBack(errors, axis, begin[axis] as number, strides[axis] as number, extent),
              tf.reshape(dy, counts) as tf.Tensor,
            );
      return { x: whole };
    },
  },
};
