import * as tf from '@tensorflow/tfjs-core';
import { mixes } from '../config/mixes.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Batch } from '../data/dataset.ts';
import { normalisationOf } from '../data/normalisation.ts';
import type { Specs } from '../engine/program.ts';
import { float32, int32, uint8 } from '../util/tensor.ts';
import { binaryCrossEntropy, blend, denormalise, normalise } from './images.ts';
import { drawMix, mixFeeds } from './mix.ts';
import type { EvaluationSums, Task } from './task.ts';

/** Images of one class each: soft targets and cross-entropy in training, top-1 and top-5 accuracy in evaluation. */
export function classification(config: RunConfig): Task<Batch> {
  const { model, training } = config;
  const { imageSize, channels } = model;
  const mixed = mixes(config);
  const batchFeeds = (samples: number): Specs => ({
    images: { dtype: 'uint8', shape: [samples, imageSize, imageSize, channels] },
    labels: { dtype: 'int32', shape: [samples] },
  });
  const input = (images: tf.Tensor | undefined) => normalise(images as tf.Tensor, normalisationOf(config));
  const batchValues = ({ images, labels }: Batch) => ({
    images: uint8(images, [labels.length, imageSize, imageSize, channels]),
    labels: int32(labels),
  });

  return {
    trainingFeeds: (samples) => ({ ...batchFeeds(samples), ...(mixed ? mixFeeds(imageSize) : {}) }),
    drawFeeds: (batch, { seed, stream, step }) => ({
      ...batchValues(batch),
      ...(mixed ? drawMix(training, imageSize, seed, stream, step) : {}),
    }),
    exercise({ images, labels, mixPixels, mixShare }) {
      const own = input(images);
      const given = mixPixels ? blend(own, mixPixels) : own;
      return {
        input: given,
        loss(logits) {
          const settings = { classes: logits.shape[1] as number, labelSmoothing: training.labelSmoothing };
          return crossEntropy(logits as tf.Tensor2D, softTargets(labels as tf.Tensor1D, settings, mixShare));
        },
        labels: labels as tf.Tensor1D,
        reconstruction: (logits) => binaryCrossEntropy(logits, denormalise(given, normalisationOf(config))),
      };
    },
    evaluationFeeds: (samples) => ({ ...batchFeeds(samples), weights: { dtype: 'float32', shape: [samples] } }),
    batchFeeds: (batch) => ({ ...batchValues(batch), weights: float32(batch.weights) }),
    evaluate({ images, labels, weights }, run) {
      const logits = run(input(images)) as tf.Tensor2D;
      return evaluateLogits(logits, labels as tf.Tensor1D, weights as tf.Tensor1D);
    },
    summary: (means) => means,
    score: ({ top1 }) => top1,
  };
}

/** Settings of the training targets. */
export interface ClassificationTargets {
  readonly classes: number;
  /** Share of the target's mass spread over all classes. */
  readonly labelSmoothing: number;
}

/**
 * Soft targets [B, classes]. With `share`, every label is blended with the one at the mirrored place of the batch, as
 * mixup and cutmix in batch mode do (timm).
 *
 * @param labels int32 [B]
 * @param share weight of the sample's own label, a scalar
 */
export function softTargets(labels: tf.Tensor1D, settings: ClassificationTargets, share?: tf.Tensor): tf.Tensor2D {
  const { classes, labelSmoothing } = settings;
  const rest = labelSmoothing / classes;
  const targets = tf.oneHot(labels, classes, 1 - labelSmoothing + rest, rest, 'float32') as tf.Tensor2D;
  if (!share) return targets;
  return tf.add(tf.mul(targets, share), tf.mul(tf.reverse(targets, 0), tf.sub(1, share)));
}

/** Mean cross-entropy of logits [B, classes] against soft targets [B, classes]; a scalar, nats. */
export function crossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)));
}

/**
 * Evaluates logits [B, classes] against labels [B].
 *
 * A label's rank is the number of classes scored higher, ties going to the lower index as in a stable sort; scores that
 * are not finite never count as correct.
 */
export function evaluateLogits(logits: tf.Tensor2D, labels: tf.Tensor1D, weights: tf.Tensor1D): EvaluationSums {
  const classes = logits.shape[1];
  const indices = tf.range(0, classes, 1, 'int32');
  const column = tf.expandDims(labels, 1); // [B, 1]
  const isLabel = tf.cast(tf.equal(column, indices), 'float32'); // [B, classes]
  const labelScore = tf.sum(tf.mul(isLabel, logits), 1, true); // [B, 1]
  const ahead = tf.logicalOr(
    tf.greater(logits, labelScore),
    tf.logicalAnd(tf.equal(logits, labelScore), tf.less(indices, column)),
  );
  const rank = tf.sum(tf.cast(ahead, 'float32'), 1); // [B]
  const finite = tf.cast(tf.isFinite(tf.sum(logits, 1)), 'float32');
  const correct = (limit: number) => tf.mul(tf.cast(tf.less(rank, limit), 'float32'), finite);
  const losses = tf.neg(tf.sum(tf.mul(isLabel, tf.logSoftmax(logits)), 1));
  const total = (values: tf.Tensor) => tf.sum(tf.mul(values, weights)) as tf.Scalar;
  return { top1: total(correct(1)), top5: total(correct(5)), loss: total(losses), count: tf.sum(weights) };
}
