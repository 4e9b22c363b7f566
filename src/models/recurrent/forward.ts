import * as tf from '@tensorflow/tfjs-core';
import type { PartSpec } from '../architecture.ts';
import type { Forward } from '../forward.ts';
import { product, tokenLogits } from '../text/forward.ts';
import type { RecurrentShape } from './architecture.ts';
import { gruOutputs } from './gru.ts';
import { lstmOutputs } from './lstm.ts';

/** Builds the forward functions of a recurrent network's parts; its features are [B, T, D], and its state begins at zero. */
export function recurrentForward({ cell, width }: RecurrentShape): Readonly<Record<PartSpec['role'], Forward>> {
  return {
    stem: (tokens, weights) =>
      tf.reshape(tf.gather(weights('encoder.weight'), tf.cast(tokens, 'int32')), [...tokens.shape, width]),
    block(x, weights, context) {
      const inputs = tf.add(product(x, weights('weight_ih_l0'), true), weights('bias_ih_l0')) as tf.Tensor3D;
      const [weight, bias] = [weights('weight_hh_l0') as tf.Tensor2D, weights('bias_hh_l0')];
      const outputs =
        cell === 'lstm' ? lstmOutputs(tf.add(inputs, bias), weight) : gruOutputs(inputs, weight, bias as tf.Tensor1D);
      return tf.add(x, context.dropPath(outputs, 0));
    },
    head: (x, weights) => tf.add(tokenLogits(x, weights('decoder.weight')), weights('decoder.bias')),
  };
}
