import * as tf from '@tensorflow/tfjs-core';
import { TRACE_BACKEND } from './trace-backend.ts';

/**
 * `x`, in a traced program computed no earlier than `others`, which so need not be alive beside what follows. Has no gradient
 * while a program is traced.
 */
export function after(x: tf.Tensor, others: readonly tf.Tensor[]): tf.Tensor {
  if (others.length === 0 || tf.getBackend() !== TRACE_BACKEND) return x;
  return tf.engine().runKernel('IncubateAfter', [x, ...others] as unknown as tf.NamedTensorMap) as tf.Tensor;
}
