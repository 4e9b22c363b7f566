import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/ops.ts';
import type { AuxiliarySpec } from '../auxiliary.ts';
import { normalised } from '../batch-norm.ts';
import { convolution } from '../convolution.ts';
import { type Forward, type PartContext, type Weights, within } from '../forward.ts';
import type { VitShape } from './architecture.ts';
import { DECODER_CHANNELS } from './auxiliary.ts';
import { classToken, linear, norm, vitBlock } from './forward.ts';

/** The forward function of an auxiliary part, on tokens [B, N, D]; heads give [B, outputs], decoders logits [B, S, S, C]. */
export function vitAuxiliaryForward(shape: VitShape, { kind }: AuxiliarySpec): Forward {
  const head =
    (layers: number): Forward =>
    (tokens, weights) =>
      headOf(shape, tokens as tf.Tensor3D, weights, layers);
  switch (kind) {
    case 'linear':
      return head(1);
    case 'mlp-sr':
      return head(3);
    case 'deep':
      return (tokens, weights, context) => {
        const mixed = vitBlock(shape, tokens as tf.Tensor3D, within(weights, 'block'), context);
        return headOf(shape, mixed, weights, 2);
      };
    case 'decoder':
      return (tokens, weights, context) => decoder(shape, tokens as tf.Tensor3D, weights, context);
  }
}

/** So many linear layers on the class token, with GELU between them. */
function headOf(shape: VitShape, tokens: tf.Tensor3D, weights: Weights, layers: number): tf.Tensor {
  let units = classToken(shape, tokens, weights);
  for (let layer = 1; layer <= layers; layer++) {
    units = linear(layer === 1 ? units : (gelu(units) as tf.Tensor3D), weights, `fc${layer}`);
  }
  return tf.reshape(units, [units.shape[0], units.shape[2]]);
}

/** The patches' tokens to channels per pixel, and those by a convolution to the image. */
function decoder(shape: VitShape, tokens: tf.Tensor3D, weights: Weights, context: PartContext): tf.Tensor {
  const { imageSize, patch } = shape;
  const [batch, count, width] = tokens.shape;
  const side = imageSize / patch;
  const patches = norm(shape, tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]), weights, 'norm');
  const spread = tf.reshape(linear(patches, weights, 'proj'), [batch, side, side, patch, patch, DECODER_CHANNELS]);
  const pixels = tf.reshape(tf.transpose(spread, [0, 1, 3, 2, 4, 5]), [batch, imageSize, imageSize, DECODER_CHANNELS]);
  const features = tf.relu(normalised(pixels, weights, 'bn', context));
  return tf.add(convolution(features, weights('conv.weight'), 1), weights('conv.bias'));
}
