import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.ts';
import type { TokenBatch } from '../data/text/windows.ts';
import type { Specs } from '../engine/program.ts';
import { int32 } from '../util/tensor.ts';
import { crossEntropy, evaluateLogits, softTargets } from './classification.ts';
import type { Task } from './task.ts';

/** Text of which each token is predicted from those before it: cross-entropy, and how often the token is the first, or among the first five. */
export function language({ model, training }: RunConfig): Task<TokenBatch> {
  const { context } = model;
  /** The last token of a sequence is predicted only. */
  const sequences = (samples: number): Specs => ({ tokens: { dtype: 'int32', shape: [samples, context + 1] } });
  const values = ({ tokens, lengths }: TokenBatch) => ({ tokens: int32(tokens, [lengths.length, context + 1]) });
  const inputOf = (tokens: tf.Tensor) => tf.slice(tokens, [0, 0], [tokens.shape[0] as number, context]);
  /** The tokens after those, of all sequences: [B T] */
  const nextOf = (tokens: tf.Tensor) =>
    tf.reshape(tf.slice(tokens, [0, 1], [tokens.shape[0] as number, context]), [-1]) as tf.Tensor1D;
  const rows = (logits: tf.Tensor) => tf.reshape(logits, [-1, logits.shape.at(-1) as number]) as tf.Tensor2D;

  return {
    trainingFeeds: sequences,
    drawFeeds: values,
    exercise({ tokens }) {
      const input = inputOf(tokens as tf.Tensor);
      const loss = (output: tf.Tensor, targets: tf.Tensor1D, labelSmoothing: number) => {
        const logits = rows(output);
        return crossEntropy(logits, softTargets(targets, { classes: logits.shape[1], labelSmoothing }));
      };
      return {
        input,
        loss: (output) => loss(output, nextOf(tokens as tf.Tensor), training.labelSmoothing),
        reconstruction: (output) => loss(output, tf.reshape(input, [-1]), 0),
      };
    },
    evaluationFeeds: (samples) => ({ ...sequences(samples), lengths: { dtype: 'int32', shape: [samples] } }),
    batchFeeds: (batch) => ({ ...values(batch), lengths: int32(batch.lengths) }),
    evaluate({ tokens, lengths }, run) {
      const logits = rows(run(inputOf(tokens as tf.Tensor)));
      const isThere = tf.less(tf.range(0, context, 1, 'int32'), tf.expandDims(lengths as tf.Tensor, 1)); // [B, T]
      const weights = tf.reshape(tf.cast(isThere, 'float32'), [-1]) as tf.Tensor1D;
      return evaluateLogits(logits, nextOf(tokens as tf.Tensor), weights);
    },
    summary: (means) => ({ ...means, perplexity: Math.exp(means.loss) }),
    score: ({ loss }) => -loss,
  };
}
