import * as tf from '@tensorflow/tfjs-core';
import { gelu, layerNorm } from '../../engine/ops.ts';
import type { PartSpec } from '../architecture.ts';
import type { Forward, PartContext, Weights } from '../forward.ts';
import { linear, tokenLogits } from '../text/forward.ts';
import type { GptShape } from './architecture.ts';

/** Builds the forward functions of a decoder's parts; its features are [B, T, D], and no token sees those after it. */
export function gptForward(shape: GptShape): Readonly<Record<PartSpec['role'], Forward>> {
  return {
    stem: (tokens, weights) => stem(tokens, weights),
    block: (x, weights, context) => block(shape, x as tf.Tensor3D, weights, context),
    head: (x, weights) => head(shape, x, weights),
  };
}

/** Tokens [B, T] to their embeddings with positions added; T is the context at most. */
function stem(tokens: tf.Tensor, weights: Weights): tf.Tensor {
  const positions = weights('wpe.weight');
  const [, length] = tokens.shape as [number, number];
  const embedded = tf.gather(weights('wte.weight'), tf.cast(tokens, 'int32'));
  return tf.add(embedded, tf.slice(positions, [0, 0], [length, positions.shape[1] as number]));
}

/** Pre-norm causal attention and MLP with residuals. */
function block(shape: GptShape, x: tf.Tensor3D, weights: Weights, context: PartContext): tf.Tensor3D {
  const attended = attention(shape, norm(shape, x, weights, 'ln_1'), weights);
  const middle = tf.add<tf.Tensor3D>(x, context.dropPath(attended, 0));
  const hidden = gelu(linear(norm(shape, middle, weights, 'ln_2'), weights, 'mlp.c_fc'));
  return tf.add(middle, context.dropPath(linear(hidden, weights, 'mlp.c_proj'), 1));
}

function attention({ heads, width }: GptShape, x: tf.Tensor, weights: Weights): tf.Tensor {
  const [batch, length] = x.shape as [number, number];
  const headWidth = width / heads;
  const joined = tf.reshape(linear(x, weights, 'attn.c_attn'), [batch, length, 3, heads, headWidth]);
  const [query, key, value] = tf.unstack(joined, 2).map((part) => tf.transpose(part, [0, 2, 1, 3])) as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ]; // each [B, heads, T, headWidth]
  const scores = tf.matMul(tf.mul(query, headWidth ** -0.5), key, false, true); // [B, heads, T, T]
  const mixed = tf.matMul(tf.softmax(tf.add(scores, causalMask(length))), value);
  return linear(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, length, width]), weights, 'attn.c_proj');
}

/** 0 where a token (row) may look at another (column), and -∞ at those after it; [T, T]. */
function causalMask(length: number): tf.Tensor {
  const values = Float32Array.from({ length: length * length }, (_, index) =>
    index % length <= Math.floor(index / length) ? 0 : Number.NEGATIVE_INFINITY,
  );
  return tf.tensor2d(values, [length, length]);
}

/** [B, T, D] to logits [B, T, V]. */
function head(shape: GptShape, x: tf.Tensor, weights: Weights): tf.Tensor {
  return tokenLogits(norm(shape, x, weights, 'ln_f'), weights('lm_head.weight'));
}

function norm({ layerNormEps }: GptShape, x: tf.Tensor, weights: Weights, name: string): tf.Tensor {
  return layerNorm(x, weights(`${name}.weight`), weights(`${name}.bias`), layerNormEps);
}
