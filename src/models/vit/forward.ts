import type { Tensor4D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { gelu, layerNorm } from '../../engine/ops.ts';
import type { PartSpec } from '../architecture.ts';
import type { Forward, PartContext, Weights } from '../forward.ts';
import { type VitShape, vitTokens } from './architecture.ts';

/** Builds the forward functions of a vision transformer's parts; the head reads the class token. */
export function vitForward(shape: VitShape): Readonly<Record<PartSpec['role'], Forward>> {
  return {
    stem: (images, weights) => stem(shape, images as tf.Tensor4D, weights),
    block: (tokens, weights, context) => vitBlock(shape, tokens as tf.Tensor3D, weights, context),
    head: (tokens, weights) => head(shape, tokens as tf.Tensor3D, weights),
  };
}

/** Images [B, S, S, C] to tokens [B, N, D]: patches projected, class token in front, positions added. */
function stem(shape: VitShape, images: tf.Tensor4D, weights: Weights): tf.Tensor3D {
  const { imageSize, patch, channels, width } = shape;
  const side = imageSize / patch;
  const batch = images.shape[0];
  const grid = tf.reshape(images, [batch, side, patch, side, patch, channels]);
  // [B, side, side, C, patch, patch]: the order of the convolution's weights
  const patches = tf.reshape(tf.transpose(grid, [0, 1, 3, 5, 2, 4]), [batch * side * side, channels * patch * patch]);
  const projection = tf.reshape(weights('patch_embed.proj.weight'), [width, channels * patch * patch]);
  const projected = tf.add(tf.matMul(patches, projection, false, true), weights('patch_embed.proj.bias'));
  const positions = weights('pos_embed') as tf.Tensor3D; // [1, N, D]
  const embedded = tf.add(
    tf.reshape(projected, [batch, side * side, width]),
    tf.slice(positions, [0, 1, 0], [1, side * side, width]),
  );
  const classToken = tf.add(weights('cls_token'), tf.slice(positions, [0, 0, 0], [1, 1, width]));
  // Adding zeros broadcasts; the gradient of tf.tile would be a sum of one slice per image.
  return tf.concat([tf.add(classToken, tf.zeros([batch, 1, width])), embedded], 1) as tf.Tensor3D;
}

/** Pre-norm attention and MLP with residuals; [B, N, D] to [B, N, D]. */
export function vitBlock(shape: VitShape, tokens: tf.Tensor3D, weights: Weights, context: PartContext): tf.Tensor3D {
  const attended = attention(shape, norm(shape, tokens, weights, 'norm1'), weights);
  const middle = tf.add<tf.Tensor3D>(tokens, context.dropPath(attended, 0));
  const hidden = gelu(linear(norm(shape, middle, weights, 'norm2'), weights, 'mlp.fc1')) as tf.Tensor3D;
  return tf.add(middle, context.dropPath(linear(hidden, weights, 'mlp.fc2'), 1));
}

function attention(shape: VitShape, tokens: tf.Tensor3D, weights: Weights): tf.Tensor3D {
  const { heads, width } = shape;
  const batch = tokens.shape[0];
  const count = vitTokens(shape);
  const headWidth = width / heads;
  const qkv = tf.reshape(linear(tokens, weights, 'attn.qkv'), [batch, count, 3, heads, headWidth]);
  const [query, key, value] = tf.unstack(qkv, 2).map((part) => tf.transpose(part, [0, 2, 1, 3])) as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ]; // each [B, heads, N, headWidth]
  const scores = tf.matMul(tf.mul(query, headWidth ** -0.5), key, false, true); // [B, heads, N, N]
  const mixed = tf.transpose(tf.matMul(tf.softmax(scores), value), [0, 2, 1, 3]);
  return linear(tf.reshape(mixed, [batch, count, width]), weights, 'attn.proj');
}

/** Tokens [B, N, D] to logits [B, classes]. */
function head(shape: VitShape, tokens: tf.Tensor3D, weights: Weights): tf.Tensor2D {
  const logits = linear(classToken(shape, tokens, weights), weights, 'head');
  return tf.reshape(logits, [logits.shape[0], shape.classes]);
}

/** The class token [B, 1, D] of tokens [B, N, D], normalised by `norm`, which works on each token alone. */
export function classToken(shape: VitShape, tokens: tf.Tensor3D, weights: Weights): tf.Tensor3D {
  const [batch, , width] = tokens.shape;
  return norm(shape, tf.slice(tokens, [0, 0, 0], [batch, 1, width]), weights, 'norm');
}

export function norm({ layerNormEps }: VitShape, tokens: tf.Tensor3D, weights: Weights, name: string): tf.Tensor3D {
  return layerNorm(tokens, weights(`${name}.weight`), weights(`${name}.bias`), layerNormEps) as tf.Tensor3D;
}

/** [B, N, in] times PyTorch's [out, in] weight, plus the bias if there is one. */
export function linear(tokens: tf.Tensor3D, weights: Weights, name: string): tf.Tensor3D {
  const [batch, count, inputs] = tokens.shape;
  const weight = weights(`${name}.weight`) as tf.Tensor2D;
  const product = tf.matMul(tf.reshape(tokens, [batch * count, inputs]), weight, false, true);
  const bias = weights.optional(`${name}.bias`);
  return tf.reshape(bias ? tf.add(product, bias) : product, [batch, count, weight.shape[0]]);
}
