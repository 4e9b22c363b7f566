import type * as tf from '@tensorflow/tfjs-core';
import type { Operation } from '../../../support/compare-engines.ts';

/** A kernel in use. Results are compared with those of tfjs' CPU backend. */
export interface KernelCase extends Operation {
  readonly kernel: string;
  /** Whether gradients are compared between engines, and with central differences where the gradient is ours. */
  readonly gradient: 'engines' | 'differences' | 'none';
}

export const image = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor4D;
