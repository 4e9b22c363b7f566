import type * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { gruOutputs } from '../../../src/models/recurrent/gru.ts';
import { lstmOutputs } from '../../../src/models/recurrent/lstm.ts';
import {
  expectEqualOnBothEngines,
  expectGradientsOfDifferences,
  normals,
  type Operation,
} from '../../support/compare-engines.ts';

const operations = [1, 2, 5].flatMap((steps): Operation[] => [
  {
    name: `LSTM of ${steps} steps`,
    inputs: { x: normals('x', [3, steps, 16]), weight: normals('weight', [16, 4]) },
    body: ({ x, weight }) => lstmOutputs(x as tf.Tensor3D, weight as tf.Tensor2D),
  },
  {
    name: `GRU of ${steps} steps`,
    inputs: { x: normals('x', [3, steps, 12]), weight: normals('weight', [12, 4]), bias: normals('bias', [12]) },
    body: ({ x, weight, bias }) => gruOutputs(x as tf.Tensor3D, weight as tf.Tensor2D, bias as tf.Tensor1D),
  },
]);

describe.each(operations.map((operation) => [operation.name, operation] as const))('%s', (_, operation) => {
  it('has the gradients of central differences', () => expectGradientsOfDifferences(operation));
  it('has the values and gradients of eager execution', async () => {
    await expectEqualOnBothEngines(operation, true);
  });
});
