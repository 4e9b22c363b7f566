import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';

/** The gradient of a kernel, written with tfjs operations. */
export interface Gradient {
  /** The inputs that `by` is given, in order; 'all' for kernels that take a list. */
  readonly inputs?: readonly string[] | 'all';
  /** The outputs that `by` is given after them. */
  readonly outputs?: readonly boolean[];
  /**
   * @param dy gradients by the outputs
   * @param saved the inputs and outputs asked for
   * @returns for every input that has one, a function that computes the gradient by it
   */
  by(
    dy: readonly [tf.Tensor, ...tf.Tensor[]],
    saved: readonly tf.Tensor[],
    attributes: Attributes,
  ): Readonly<Record<string, () => tf.Tensor>>;
}

/** Gradients of one family by the name of the kernel. */
export type Gradients = Readonly<Record<string, Gradient>>;

/** Runs a kernel that has no public operation. */
export function runKernel(name: string, inputs: tf.NamedTensorMap, attributes: Attributes): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
}

/** The gradient by an input that is not a number to be moved: whole numbers that say where or how many. */
export function nothing(input: tf.Tensor | undefined): () => tf.Tensor {
  return () => tf.zeros((input as tf.Tensor).shape);
}
