import type * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../../engine/program.ts';
import type { Objective } from '../../methods/objective.ts';
import type { Network, StatePart } from '../../models/network.ts';
import type { Exercise } from '../../tasks/task.ts';
import { imitationCourse } from './imitation.ts';
import { localCourse } from './local.ts';
import type { Course } from './stage.ts';

/** What objectives compute with. */
export interface Setup {
  readonly network: Network;
  readonly exercise: Exercise;
  /** Of all parts, by key. */
  readonly parameters: Tensors;
  /** The forward pass of parts in a row, as training has it. */
  asTrained(parts: readonly StatePart[], x: tf.Tensor, parameters: Tensors): tf.Tensor;
  /** The same as evaluation has it: nothing is dropped, and running statistics normalise. */
  asEvaluated(parts: readonly StatePart[], x: tf.Tensor, parameters: Tensors): tf.Tensor;
}

/** The losses of a step, in stages. */
export function courseOf(objective: Objective, setup: Setup): Course {
  switch (objective.kind) {
    case 'task':
      return taskCourse(setup);
    case 'imitation':
      return imitationCourse(objective, setup);
    case 'local':
      return localCourse(objective, setup);
  }
}

/** The task's loss of what the whole network gives. */
function taskCourse({ network, exercise, asTrained }: Setup): Course {
  return {
    input: exercise.input,
    stages: [
      {
        parts: network,
        run(x, parameters) {
          const output = asTrained(network, x, parameters);
          return { loss: exercise.loss(output), output };
        },
      },
    ],
  };
}
