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
      if (!exercise.labels) throw new RangeError('the task has no classes to contrast');
      return supervisedContrast(output as tf.Tensor2D, exercise.labels);
    case 'reconstruction':
      return exercise.reconstruction(output);
  }
}
