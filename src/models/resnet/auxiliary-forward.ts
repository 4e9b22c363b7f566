import * as tf from '@tensorflow/tfjs-core';
import type { AuxiliarySpec } from '../auxiliary.ts';
import { normalised } from '../batch-norm.ts';
import { convolution } from '../convolution.ts';
import type { Forward, PartContext, Weights } from '../forward.ts';
import { decoderSteps, deepConvolution, MLP_SR_LAYERS, MLP_SR_SIDE, reducedSide } from './auxiliary.ts';
import { linear } from './forward.ts';
import type { ResnetShape } from './shape.ts';

/** The forward function of an auxiliary part, on features [B, H, W, C]; heads give [B, outputs], decoders logits [B, S, S, C]. */
export function resnetAuxiliaryForward(shape: ResnetShape, { kind, block }: AuxiliarySpec): Forward {
  switch (kind) {
    case 'linear':
      return (x, weights) => linear(tf.mean(x, [1, 2]), weights, 'fc');
    case 'deep':
      return (x, weights, context) => deep(x, weights, context, deepConvolution(shape, block).stride);
    case 'mlp-sr':
      return mlpSr;
    case 'decoder':
      return (x, weights, context) => decoder(shape, block, x, weights, context);
  }
}

function deep(x: tf.Tensor, weights: Weights, context: PartContext, stride: number): tf.Tensor {
  const features = tf.relu(normalised(convolution(x, weights('conv1.weight'), stride), weights, 'bn1', context));
  return linear(tf.relu(linear(tf.mean(features, [1, 2]), weights, 'fc1')), weights, 'fc2');
}

function mlpSr(x: tf.Tensor, weights: Weights, context: PartContext): tf.Tensor {
  const [batch, side, , channels] = x.shape as [number, number, number, number];
  let features = pooled(x, reducedSide(side));
  for (let layer = 1; layer <= MLP_SR_LAYERS; layer++) {
    const mixed = convolution(features, weights(`conv${layer}.weight`), 1);
    features = tf.relu(normalised(mixed, weights, `bn${layer}`, context));
  }
  // Channel by channel, as PyTorch flattens.
  let units: tf.Tensor = tf.reshape(tf.transpose(pooled(features, MLP_SR_SIDE), [0, 3, 1, 2]), [
    batch,
    channels * MLP_SR_SIDE ** 2,
  ]);
  for (let layer = 1; layer <= MLP_SR_LAYERS; layer++) {
    const mixed = tf.matMul(units, weights(`fc${layer}.weight`), false, true);
    units = tf.relu(normalised(mixed, weights, `fc_bn${layer}`, context));
  }
  return linear(units, weights, 'out');
}

function decoder(shape: ResnetShape, block: number, x: tf.Tensor, weights: Weights, context: PartContext): tf.Tensor {
  let features = x;
  const steps = decoderSteps(shape, block);
  steps.forEach(({ side }, index) => {
    const number = index + 1;
    const given = scaledTo(features, side);
    features = convolution(given, weights(`conv${number}.weight`), 1);
    const isLast = number === steps.length;
    features = isLast
      ? tf.add(features, weights(`conv${number}.bias`))
      : tf.relu(normalised(features, weights, `bn${number}`, context));
  });
  return features;
}

function scaledTo(x: tf.Tensor, side: number): tf.Tensor {
  if (x.shape[1] === side) return x;
  return tf.image.resizeBilinear(x as tf.Tensor4D, [side, side], true);
}

/** Means over windows, as `torch.nn.AdaptiveAvgPool2d`: [B, H, W, C] to [B, side, side, C]. */
function pooled(x: tf.Tensor, side: number): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  if (height === side && width === side) return x;
  const rows = tf.matMul(meansOf(height, side), tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [height, -1]));
  const tall = tf.transpose(tf.reshape(rows, [side, batch, width, channels]), [2, 1, 0, 3]);
  const columns = tf.matMul(meansOf(width, side), tf.reshape(tall, [width, -1]));
  return tf.transpose(tf.reshape(columns, [side, batch, side, channels]), [1, 2, 0, 3]);
}

/** Means over windows of an axis as a matrix, [to, from]. */
function meansOf(from: number, to: number): tf.Tensor2D {
  const matrix = new Float32Array(to * from);
  for (let place = 0; place < to; place++) {
    const [start, end] = [Math.floor((place * from) / to), Math.ceil(((place + 1) * from) / to)];
    matrix.fill(1 / (end - start), place * from + start, place * from + end);
  }
  return tf.tensor2d(matrix, [to, from]);
}
