import * as tf from '@tensorflow/tfjs-core';
import { TRACE_BACKEND } from './trace-backend.ts';

/*
 * Operations that tfjs lacks, with gradients of their own that take few passes over memory. While a program is traced
 * the forward pass is one node, which engines run by a fused kernel; elsewhere it is composed of tfjs' operations.
 */

const tracing = () => tf.getBackend() === TRACE_BACKEND;

/**
 * Layer normalisation over the last axis (Ba et al., 2016).
 *
 * @param x [..., D]
 * @param gain [D]
 * @param bias [D]
 * @returns (x - mean) / sqrt(variance + eps) * gain + bias, [..., D]
 */
export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, eps: number): tf.Tensor {
  const leading = x.shape.slice(0, -1).map((_, axis) => axis);
  const operation = tf.customGrad((...args: unknown[]) => {
    const [input, scale, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const [value, mean, inverse] = normalised(input, scale, offset, eps);
    save([input, scale, mean, inverse]);
    return {
      value,
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [a, g, mu, r] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const unit = tf.mul(tf.sub(a, mu), r);
        const dUnit = tf.mul(dy, g);
        const shift = tf.mean(dUnit, -1, true);
        const tilt = tf.mean(tf.mul(dUnit, unit), -1, true);
        const dx = tf.mul(tf.sub(tf.sub(dUnit, shift), tf.mul(unit, tilt)), r);
        return [dx, tf.sum(tf.mul(dy, unit), leading), tf.sum(dy, leading)];
      },
    };
  });
  return operation(x, gain, bias);
}

/** Value, mean and inverse deviation, the latter two [..., 1]. */
function normalised(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  epsilon: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (tracing()) {
    const outputs: unknown = tf.engine().runKernel('IncubateLayerNorm', { x, gain, bias }, { epsilon });
    return outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  const mean = tf.mean(x, -1, true);
  const centred = tf.sub(x, mean);
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return [tf.add(tf.mul(tf.mul(centred, inverse), gain), bias), mean, inverse];
}

/**
 * Batch normalisation in training, over all axes but the last (Ioffe and Szegedy, 2015).
 *
 * @param x [..., C]
 * @param gain [C]
 * @param bias [C]
 * @param observe told the mean and the biased variance of x, [C] each, whenever the value is computed; who wants them
 *   later keeps them (`tf.keep`)
 * @returns (x - mean) / sqrt(variance + eps) * gain + bias with the statistics of x, [..., C]
 */
export function batchNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  eps: number,
  observe: (mean: tf.Tensor, variance: tf.Tensor) => void = () => {},
): tf.Tensor {
  const leading = x.shape.slice(0, -1).map((_, axis) => axis);
  const count = x.size / (x.shape.at(-1) as number);
  const operation = tf.customGrad((...args: unknown[]) => {
    const [input, scale, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const mean = tf.mean(input, leading);
    const centred = tf.sub(input, mean);
    const variance = tf.mean(tf.square(centred), leading);
    observe(mean, variance);
    const inverse = tf.rsqrt(tf.add(variance, eps));
    // Of x only this is kept. Everything else is a factor and a term per channel, which engines apply in one pass.
    save([centred, scale, inverse]);
    return {
      value: tf.add(tf.mul(centred, tf.mul(inverse, scale)), offset),
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [c, g, r] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const shift = tf.mean(dy, leading);
        const tilt = tf.mul(tf.mean(tf.mul(dy, c), leading), r);
        const rest = tf.sub(tf.mul(c, tf.neg(tf.mul(tilt, r))), shift);
        return [tf.mul(tf.add(rest, dy), tf.mul(r, g)), tf.mul(tilt, count), tf.mul(shift, count)];
      },
    };
  });
  return operation(x, gain, bias);
}

/**
 * Normalisation by given statistics, as batch normalisation in evaluation: one factor and one term per channel.
 *
 * @param x [..., C]; the other tensors are [C]
 * @returns (x - mean) / sqrt(variance + eps) * gain + bias, [..., C]
 */
export function channelNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  mean: tf.Tensor,
  variance: tf.Tensor,
  eps: number,
): tf.Tensor {
  const slope = tf.mul(tf.rsqrt(tf.add(variance, eps)), gain);
  return tf.add(tf.mul(x, slope), tf.sub(bias, tf.mul(mean, slope)));
}

/** Gaussian error linear unit (Hendrycks and Gimpel, 2016), exact: x Φ(x). */
export function gelu(x: tf.Tensor): tf.Tensor {
  const operation = tf.customGrad((...args: unknown[]) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    save([input]);
    const value = tracing()
      ? (tf.engine().runKernel('IncubateGelu', { x: input }) as unknown as tf.Tensor)
      : tf.mul(input, normalCdf(input));
    return {
      value,
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [a] = saved as [tf.Tensor];
        const density = tf.mul(tf.exp(tf.mul(tf.square(a), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return tf.mul(dy, tf.add(normalCdf(a), tf.mul(a, density)));
      },
    };
  });
  return operation(x);
}

/** Φ(x) of the standard normal distribution. */
function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
}
