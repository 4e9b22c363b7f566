import type * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';

/**
 * A tfjs kernel expressed in tfjs operations, for tracing: the graph holds the kernels of those operations, and its own
 * gradient is still taken from the registry.
 */
export type Composition = (
  inputs: Readonly<Record<string, tf.Tensor>>,
  attributes: Attributes,
) => tf.Tensor | tf.Tensor[];

/** Compositions of one family by the name of the kernel. */
export type Compositions = Readonly<Record<string, Composition>>;

/** An input that the kernel always has. */
export function input<R extends tf.Rank = tf.Rank>(
  inputs: Readonly<Record<string, tf.Tensor>>,
  name: string,
): tf.Tensor<R> {
  const tensor = inputs[name];
  if (!tensor) throw new RangeError(`the input '${name}' is missing`);
  return tensor as tf.Tensor<R>;
}
