import type * as tf from '@tensorflow/tfjs-core';
import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { SampleBatch } from '../data/dataset.ts';
import type { Specs, Tensors } from '../engine/program.ts';
import type { Evaluation } from '../protocol/run.ts';
import type { HostTensors } from '../util/tensor.ts';
import { classification } from './classification.ts';
import { language } from './language.ts';

/** Keys what is drawn at random for a step. */
export interface StepKey {
  readonly seed: number;
  /** Name of the job. */
  readonly stream: string;
  readonly step: number;
}

/** What a batch of training asks of the network. */
export interface Exercise {
  /** What the stem takes, or what the modules before give where the program has none of those. */
  readonly input: tf.Tensor;
  /** Mean loss of what the head gives; a scalar, nats. */
  loss(output: tf.Tensor): tf.Scalar;
  /** Classes of the samples, int32 [B], where each has one. */
  readonly labels?: tf.Tensor1D;
  /** Mean loss of what a decoder makes of features, against the input that they are of; a scalar, nats. */
  reconstruction(decoded: tf.Tensor): tf.Scalar;
}

/** Sums over a batch, weighted: correct at top 1 and top 5, loss, and the weights themselves. */
export interface EvaluationSums {
  readonly top1: tf.Scalar;
  readonly top5: tf.Scalar;
  readonly loss: tf.Scalar;
  readonly count: tf.Scalar;
}

/**
 * What a network is trained for: what its batches are, the loss of what it gives for them, and how well it does. What
 * takes tensors is a pure function within programs.
 */
export interface Task<Batch = SampleBatch> {
  /** Feeds of a training batch of so many samples, or of a micro-batch. */
  trainingFeeds(samples: number): Specs;
  /** Their values; what is drawn does not depend on how a batch is divided into micro-batches. */
  drawFeeds(batch: Batch, key: StepKey): HostTensors;
  exercise(feeds: Tensors): Exercise;
  /** Feeds of an evaluated batch. */
  evaluationFeeds(samples: number): Specs;
  batchFeeds(batch: Batch): HostTensors;
  evaluate(feeds: Tensors, run: (input: tf.Tensor) => tf.Tensor): EvaluationSums;
  /** How well the network does, by the means of all batches. */
  summary(means: Evaluation): Evaluation;
  /** By which a state is better than another, the higher the better. */
  score(evaluation: Evaluation): number;
}

/** The task of a configuration; its batches are those of the configured data. */
export function taskOf(config: RunConfig): Task {
  return readsText(config) ? language(config) : classification(config);
}
