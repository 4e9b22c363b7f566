import * as tf from '@tensorflow/tfjs-core';
import { TRACE_BACKEND, traceBackend } from './trace-backend.ts';

/**
 * The same tensor, called by a name in errors about its shape. State and feeds have theirs; this is for what a program
 * cuts out of them. Graphs are the same with and without.
 *
 * @param name as it stands in a sentence, for example `the parameter blocks.3.attn.qkv.weight`
 */
export function named<T extends tf.Tensor>(name: string, tensor: T): T {
  if (tf.getBackend() === TRACE_BACKEND) {
    const backend = traceBackend();
    backend.recorder.names.set(backend.symbolOf(tensor.dataId).id, name);
  }
  return tensor;
}
