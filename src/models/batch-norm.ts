import * as tf from '@tensorflow/tfjs-core';
import { batchNorm, channelNorm } from '../engine/ops.ts';
import { IncubateError } from '../util/errors.ts';
import type { PartContext, Weights } from './forward.ts';

/** As `torch.nn.BatchNorm2d`. */
const EPS = 1e-5;

/**
 * Batch normalisation of x [..., C] by the part's parameters `name.weight`, `name.bias`, `name.running_mean` and
 * `name.running_var`.
 *
 * @throws CONFIG_MODEL where a batch has one value of each channel, of which there is no variance.
 */
export function normalised(x: tf.Tensor, weights: Weights, name: string, context: PartContext): tf.Tensor {
  const [gain, bias] = [weights(`${name}.weight`), weights(`${name}.bias`)];
  const [runningMean, runningVar] = [`${name}.running_mean`, `${name}.running_var`];
  if (!context.batchStatistics) return channelNorm(x, gain, bias, weights(runningMean), weights(runningVar), EPS);
  const count = x.size / (x.shape.at(-1) as number);
  if (count === 1) {
    throw new IncubateError('CONFIG_MODEL', `${name} would normalise a batch with one value of each channel`, {
      hint: 'Raise training.batchSize, lower training.accumulate, or choose a larger model.imageSize.',
    });
  }
  return batchNorm(x, gain, bias, EPS, (mean, variance) => {
    context.batchStatistics?.(runningMean, mean);
    // The running variance is the unbiased estimate.
    context.batchStatistics?.(runningVar, tf.mul(variance, count / (count - 1)));
  });
}
