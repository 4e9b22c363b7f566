import * as tf from '@tensorflow/tfjs-core';
import type { PartSpec } from '../architecture.ts';
import { normalised } from '../batch-norm.ts';
import { convolution } from '../convolution.ts';
import type { Forward, PartContext, Weights } from '../forward.ts';
import type { ResidualBlock, ResnetShape } from './shape.ts';

/** The forward function of a residual network's part; features are [B, H, W, C]. */
export function resnetForward(shape: ResnetShape, { role, name }: PartSpec): Forward {
  if (role === 'stem') return (images, weights, context) => stem(shape, images, weights, context);
  if (role === 'head') return head;
  const residual = shape.blocks.find((block) => block.name === name);
  if (!residual) throw new RangeError(`the network has no block ${name}`);
  return (x, weights, context) => block(shape, residual, x, weights, context);
}

function stem(shape: ResnetShape, images: tf.Tensor, weights: Weights, context: PartContext): tf.Tensor {
  const stride = shape.stem === 'cifar' ? 1 : 2;
  const features = tf.relu(convolved(images, weights, '1', stride, context));
  return shape.stem === 'cifar' ? features : tf.maxPool(features as tf.Tensor4D, 3, 2, 1);
}

/** Two or three convolutions beside a shortcut, added before the last ReLU. */
function block(
  { bottleneck }: ResnetShape,
  { stride }: ResidualBlock,
  x: tf.Tensor,
  weights: Weights,
  context: PartContext,
): tf.Tensor {
  const first = tf.relu(convolved(x, weights, '1', bottleneck ? 1 : stride, context));
  const second = convolved(first, weights, '2', bottleneck ? stride : 1, context);
  const branch = bottleneck ? convolved(tf.relu(second), weights, '3', 1, context) : second;
  const projection = weights.optional('downsample.0.weight');
  const shortcut = projection ? normalised(convolution(x, projection, stride), weights, 'downsample.1', context) : x;
  return tf.relu(tf.add(context.dropPath(branch, 0), shortcut));
}

/** Features averaged over the image, [B, C], to logits [B, classes]. */
function head(features: tf.Tensor, weights: Weights): tf.Tensor {
  return linear(tf.mean(features, [1, 2]), weights, 'fc');
}

/** x [B, in] by PyTorch's weight [out, in], and the bias. */
export function linear(x: tf.Tensor, weights: Weights, name: string): tf.Tensor {
  return tf.add(tf.matMul(x, weights(`${name}.weight`), false, true), weights(`${name}.bias`));
}

/** The convolution of a number and its batch normalisation. */
function convolved(x: tf.Tensor, weights: Weights, number: string, stride: number, context: PartContext): tf.Tensor {
  return normalised(convolution(x, weights(`conv${number}.weight`), stride), weights, `bn${number}`, context);
}
