import type * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.ts';
import { normalisationOf } from '../data/normalisation.ts';
import type { Program } from '../engine/program.ts';
import type { Network } from '../models/network.ts';
import { runNetwork } from '../models/run-network.ts';
import { evaluateLogits } from '../tasks/classification.ts';
import { batchFeeds, normalise } from './inputs.ts';
import { layoutsOf, namedParameters, parameterSpecs } from './network-layouts.ts';

/** Evaluation of one batch; sums over its samples, weighted by the feed `weights` [B]. */
export function evaluateProgram(name: string, network: Network, config: RunConfig, batch: number): Program {
  const layouts = layoutsOf(network);
  const { imageSize, channels } = config.model;
  return {
    name: `evaluate(${name})`,
    state: parameterSpecs(layouts),
    feeds: { ...batchFeeds(batch, imageSize, channels), weights: { dtype: 'float32', shape: [batch] } },
    body(state, feeds) {
      const images = normalise(feeds.images as tf.Tensor, normalisationOf(config));
      const keepAll = () => ({ dropPath: (residual: tf.Tensor) => residual });
      const logits = runNetwork(network, images, namedParameters(layouts, state), keepAll);
      const sums = evaluateLogits(logits as tf.Tensor2D, feeds.labels as tf.Tensor1D, feeds.weights as tf.Tensor1D);
      return { state: {}, outputs: { ...sums } };
    },
  };
}
