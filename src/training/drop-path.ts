import * as tf from '@tensorflow/tfjs-core';
import { evaluationContext, type PartContext } from '../models/forward.ts';
import type { Network } from '../models/network.ts';
import { randomStream } from '../util/random.ts';
import type { TensorSpec } from '../util/tensor.ts';
import { float32, type HostTensor } from '../util/tensor.ts';

/**
 * Stochastic depth (Huang et al., 2016): each residual branch is dropped per sample with a rate that grows linearly
 * over the blocks of the network at hand, and scaled by 1 / (1 - rate) where it is kept.
 */
export interface DropPath {
  /** Rate of each block of the network; 0 in evaluation mode. */
  readonly rates: readonly number[];
  /** Residual branches of each block. */
  readonly branches: number;
  /** Shape of the scale factors [blocks, branches, B], or null when no block drops anything. */
  readonly feed: TensorSpec | null;
}

/** @param rate rate of the last block: blocks get linspace(0, rate, blocks) as in timm */
export function planDropPath(network: Network, rate: number, batch: number): DropPath {
  const blocks = network.filter(({ spec }) => spec.role === 'block');
  const rates = blocks.map(({ mode }, index) =>
    mode === 'train' ? (rate * index) / Math.max(1, blocks.length - 1) : 0,
  );
  const active = rates.some((value) => value > 0);
  const branches = Math.max(...blocks.map(({ architecture }) => architecture.branches));
  return { rates, branches, feed: active ? { dtype: 'float32', shape: [blocks.length, branches, batch] } : null };
}

/**
 * The scale factors of one step, 0 where a branch is dropped and 1 / (1 - rate) where it is kept, for the samples
 * `rows` of a batch of `batch`. The draw does not depend on how the batch is divided into micro-batches.
 */
export function drawDropPath(
  plan: DropPath,
  batch: number,
  rows: readonly number[],
  key: { readonly seed: number; readonly stream: string; readonly step: number },
): HostTensor {
  const { branches } = plan;
  const values = new Float32Array(plan.rates.length * branches * rows.length).fill(1);
  plan.rates.forEach((rate, block) => {
    if (rate === 0) return;
    const random = randomStream(key.seed, `drop-path/${key.stream}`, key.step, block);
    for (let branch = 0; branch < branches; branch++) {
      const draws = Float64Array.from({ length: batch }, () => random.uniform());
      const from = (block * branches + branch) * rows.length;
      rows.forEach((row, index) => {
        values[from + index] = (draws[row] as number) < rate ? 0 : 1 / (1 - rate);
      });
    }
  });
  return float32(values, [plan.rates.length, branches, rows.length]);
}

/**
 * What parts see of it inside a program. `factors` is the feed, absent when nothing is dropped; `block` counts the network's
 * blocks and is -1 for parts that are none.
 */
export function dropPathContext(plan: DropPath, factors: tf.Tensor | undefined, block: number): PartContext {
  if (!factors || !plan.rates[block]) return evaluationContext;
  return {
    dropPath(residual, branch) {
      const batch = residual.shape[0] as number;
      const scale = tf.slice(factors, [block, branch, 0], [1, 1, batch]);
      return tf.mul(residual, tf.reshape(scale, [batch, ...residual.shape.slice(1).map(() => 1)]));
    },
  };
}
