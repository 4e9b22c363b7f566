import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gelu, layerNorm } from '../../../src/engine/ops.ts';
import { providers } from '../../../src/engine/providers.ts';
import { float32, type HostTensor, type HostTensors } from '../../../src/util/tensor.ts';
import { normals, type Operation, programOf } from '../../support/compare-engines.ts';
import { modelFor, runModel } from '../../support/lowered.ts';

const extent = fc.integer({ min: 4, max: 24 });
const scaled = (name: string, shape: readonly [number, number]): HostTensor =>
  float32(
    Float32Array.from(normals(name, shape).data, (value) => value / Math.sqrt(shape[0])),
    shape,
  );

/** Products with biases, activations and statistics between them, each read in two types. */
const layers = fc
  .record({ rows: extent, inputs: extent, hidden: extent, outputs: extent, transposed: fc.boolean() })
  .map(
    ({ rows, inputs, hidden, outputs, transposed }): Operation => ({
      name: `layers [${rows},${inputs},${hidden},${outputs}] ${transposed}`,
      inputs: {
        x: normals('x', [rows, inputs]),
        first: scaled('first', [inputs, hidden]),
        bias: normals('bias', [hidden]),
        second: scaled('second', transposed ? [outputs, hidden] : [hidden, outputs]),
      },
      body({ x, first, bias, second }) {
        const sum = tf.add(tf.matMul(x as tf.Tensor2D, first as tf.Tensor2D), bias as tf.Tensor);
        const active = gelu(layerNorm(sum, tf.onesLike(bias as tf.Tensor), bias as tf.Tensor, 1e-3));
        const kept = tf.add(tf.mul(active, 0.5), sum) as tf.Tensor2D;
        return tf.softmax(tf.matMul(kept, second as tf.Tensor2D, false, transposed));
      },
    }),
  );

const lengthOf = (values: Iterable<number>) => Math.hypot(...values);

/** Length of the difference of two tensors, relative to the second. */
function distance(found: HostTensor | undefined, expected: HostTensor | undefined): number {
  const data = [...(expected?.data ?? [])];
  return lengthOf(data.map((value, index) => value - (found?.data[index] as number))) / lengthOf(data);
}

/** All tensors as one, in the order of their names. */
function joined(tensors: HostTensors): HostTensor {
  const names = Object.keys(tensors).sort();
  return float32(Float32Array.from(names.flatMap((name) => [...(tensors[name]?.data ?? [])])));
}

it.each(['webgpu', 'cuda'] as const)(
  'what %s widens in float16 changes results by roundings only, forward and gradient',
  async (name) => {
    // The CPU provider casts where it has no kernel.
    const { widens } = providers[name];
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(layers, async (operation) => {
        const exact = programOf(operation, true);
        const program = { ...exact, precision: 'fp16' as const };
        const model = modelFor({ ...providers.cpu, widens }, program);
        const all = modelFor(providers.cpu, program);
        if (!Buffer.from(model.bytes).equals(all.bytes)) changed += 1;
        const expected = await runModel(modelFor(providers.cpu, exact), operation.inputs);
        for (const results of [await runModel(model, operation.inputs), await runModel(all, operation.inputs)]) {
          expect(Object.keys(results).sort()).toEqual(Object.keys(expected).sort());
          expect(distance(results.result, expected.result), operation.name).toBeLessThan(1e-2);
          const [gradient, exactly] = [results, expected].map(({ result: _, ...gradients }) => joined(gradients));
          expect(distance(gradient, exactly), operation.name).toBeLessThan(1e-2);
        }
      }),
      { numRuns: 40 },
    );
    expect(changed).toBeGreaterThan(0);
  },
);
