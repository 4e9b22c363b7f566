import * as tf from '@tensorflow/tfjs-core';
import { after } from './after.ts';

/**
 * A function whose intermediate results are not kept for its gradient but computed again (activation checkpointing; Chen
 * et al., 2016). Results and gradients have the same bits as without.
 *
 * @param f must not take gradients by other tensors than its arguments
 * @param x what `f` is applied to, of rank 1 or more; its gradient is ready only after those of `weights`, so that no
 *   intermediate result outlives the function's part of the backward pass
 */
export function recomputed(
  f: (x: tf.Tensor, ...weights: tf.Tensor[]) => tf.Tensor,
  x: tf.Tensor,
  weights: readonly tf.Tensor[],
): tf.Tensor {
  const operation = tf.customGrad((...args: unknown[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [input, ...others] = args as [tf.Tensor, ...tf.Tensor[]];
    save([input, ...others]);
    return {
      value: f(input, ...others),
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [again, ...constants] = saved as [tf.Tensor, ...tf.Tensor[]];
        const [dx, ...dWeights] = nestedGradients(f, [after(again, [dy]), ...constants], dy);
        return [after(dx as tf.Tensor, dWeights), ...dWeights];
      },
    };
  });
  return operation(x, ...weights);
}

/** Gradients within a gradient's function: tfjs keeps one tape, whose end would lose the one that is being read. */
function nestedGradients(f: (...args: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return tf.grads(f)(inputs, dy);
  } finally {
    state.activeTape = activeTape;
  }
}
