import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from './layout.ts';

/** Weight of the newest batch in a running statistic, as `torch.nn.BatchNorm2d`. */
const MOMENTUM = 0.1;

/** Takes down what the batch's statistics are while a network is run forward, for the running ones after it. */
export interface StatisticsRecorder {
  /** @param key as in the layout; what is recomputed for gradients has been seen, and is not taken down again */
  record(key: string, value: tf.Tensor): void;
  /** The running statistics [S] after the batch. Ends the recorder's life. */
  next(statistics: tf.Tensor): tf.Tensor;
}

/** The values are computed within scopes that dispose what they do not return, so they are kept until `next`. */
export function recordStatistics(layout: Layout): StatisticsRecorder {
  const values = new Map<string, tf.Tensor>();
  return {
    record(key, value) {
      if (!values.has(key)) values.set(key, tf.keep(tf.clone(value)));
    },
    next(statistics) {
      const batch = layout.parameters.map(({ name }) => {
        const value = values.get(name);
        if (!value) throw new RangeError(`the network took no statistic '${name}'`);
        return value;
      });
      const result = tf.add(tf.mul(statistics, 1 - MOMENTUM), tf.mul(tf.concat1d(batch as tf.Tensor1D[]), MOMENTUM));
      for (const value of values.values()) value.dispose();
      return result;
    },
  };
}
