import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../../engine/program.ts';
import { type LocalObjective, type LocalTerm, modulePartsOf } from '../../methods/objective.ts';
import type { Setup } from './course.ts';
import type { Course } from './stage.ts';
import { supervisedContrast } from './supervised-contrast.ts';

/** A stage for each module: its own losses, and for the last the task's loss of what the network gives. */
export function localCourse({ modules, stage }: LocalObjective, setup: Setup): Course {
  const { exercise, asTrained } = setup;
  return {
    input: exercise.input,
    passesOn: stage?.passesOn === true,
    stages: modules.map((module) => ({
      parts: modulePartsOf(module),
      run(x, parameters) {
        const output = asTrained(module.network, x, parameters);
        const terms = module.terms?.map((term) => tf.mul(termLoss(term, output, setup, parameters), term.weight));
        return { loss: terms ? (tf.addN(terms) as tf.Scalar) : exercise.loss(output), output };
      },
    })),
  };
}

function termLoss(
  { part, loss }: LocalTerm,
  features: tf.Tensor,
  { exercise, asTrained }: Setup,
  parameters: Tensors,
): tf.Scalar {
  const output = asTrained([part], features, parameters);
  switch (loss) {
    case 'task':
      return exercise.loss(output);
    case 'contrast':
      return supervisedContrast(output as tf.Tensor2D, known(exercise.labels, 'labels'));
    case 'reconstruction':
      return binaryCrossEntropy(output, known(exercise.pixels, 'pixels')());
  }
}

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new RangeError(`the task has no ${name} for a local loss`);
  return value;
}

/** Mean over all elements of -t log σ(z) - (1 - t) log(1 - σ(z)), of logits z against t in [0, 1]. */
export function binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  // Without the exponential of a large number: max(z, 0) - z t + log(1 + exp(-|z|)).
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), rest));
}
