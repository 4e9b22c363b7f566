import * as tf from '@tensorflow/tfjs-core';
import { type Compositions, input } from './composition.ts';

export const elementwise: Compositions = {
  /** The angle of the point (b, a), from -π to π; 0 at the origin. */
  Atan2(inputs) {
    const [a, b] = [input(inputs, 'a'), input(inputs, 'b')];
    const isLeft = tf.less(b, 0);
    const half = tf.where(tf.less(a, 0), tf.scalar(-Math.PI), tf.scalar(Math.PI));
    const angle = tf.add(tf.atan(tf.div(a, b)), tf.where(isLeft, half, tf.scalar(0)));
    return tf.where(tf.logicalAnd(tf.equal(a, 0), tf.equal(b, 0)), tf.scalar(0), angle);
  },
};
