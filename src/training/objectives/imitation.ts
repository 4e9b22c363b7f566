import * as tf from '@tensorflow/tfjs-core';
import type { ImitationLoss } from '../../config/methods.ts';
import type { ImitationObjective } from '../../methods/objective.ts';
import type { Setup } from './course.ts';
import type { Course } from './stage.ts';

/** One stage: the module, on what the meta slices before it give, against what its own slice makes of that. */
export function imitationCourse(
  { upstream, module, slice, loss }: ImitationObjective,
  { exercise, parameters, asTrained, asEvaluated }: Setup,
): Course {
  const input = tf.tidy(() => asTrained(upstream, exercise.input, parameters));
  const target = tf.tidy(() => asEvaluated(slice, input, parameters));
  return {
    input,
    stages: [
      {
        parts: module,
        run(x, given) {
          const output = asTrained(module, x, given);
          return { loss: distances[loss](output, target), output };
        },
      },
    ],
  };
}

/** Between tensors of one shape; scalars. */
export const distances: Readonly<Record<ImitationLoss, (a: tf.Tensor, b: tf.Tensor) => tf.Scalar>> = {
  l1: (a, b) => tf.mean(tf.abs(tf.sub(a, b))),
  mse: (a, b) => tf.mean(tf.squaredDifference(a, b)),
  /** As `torch.nn.SmoothL1Loss`: half the square up to 1, beyond that the absolute value less a half. */
  'smooth-l1'(a, b) {
    const distance = tf.abs(tf.sub(a, b));
    const within = tf.minimum(distance, 1);
    return tf.mean(tf.mul(within, tf.sub(distance, tf.mul(within, 0.5))));
  },
  /** One less the mean cosine over vectors along the last axis; that of a vector of zeros is zero. */
  cosine(a, b) {
    const dot = tf.sum(tf.mul(a, b), -1);
    const squares = tf.mul(tf.sum(tf.square(a), -1), tf.sum(tf.square(b), -1));
    return tf.sub(1, tf.mean(tf.mul(dot, tf.rsqrt(tf.maximum(squares, 1e-16)))));
  },
};
