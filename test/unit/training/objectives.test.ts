import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { binaryCrossEntropy } from '../../../src/tasks/images.ts';
import { supervisedContrast } from '../../../src/training/objectives/supervised-contrast.ts';
import { float32, int32 } from '../../../src/util/tensor.ts';
import { normals, runOn } from '../../support/compare-engines.ts';
import * as plain from '../../support/plain-local.ts';

const engines = [
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
] as const;

/** A loss by its first argument, with its gradient. */
async function valueAndGradient(
  open: (typeof engines)[number][1],
  loss: (x: tf.Tensor, other: tf.Tensor) => tf.Scalar,
  inputs: Parameters<typeof runOn>[2],
) {
  const { x, other } = inputs as Record<'x' | 'other', (typeof inputs)[string]>;
  const specs = Object.fromEntries(
    Object.entries({ x, other }).map(([name, { dtype, shape }]) => [name, { dtype, shape }] as const),
  );
  const program = {
    name: 'loss',
    state: {},
    feeds: specs,
    body: (_: unknown, feeds: Readonly<Record<string, tf.Tensor>>) => {
      const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => loss(input, feeds.other as tf.Tensor))(
        feeds.x as tf.Tensor,
      );
      return { state: {}, outputs: { value, grad } };
    },
  };
  const { value, grad } = await runOn(await open(), program, inputs);
  return { value: value?.data[0] as number, grad: [...(grad?.data ?? [])] };
}

describe.each(engines)('local losses on the engine %s', (_, open) => {
  it('tell sure and wrong pixels apart where an exponential would overflow', async () => {
    const logits = float32(Float32Array.of(-200, -30, -1, 0, 2, 30, 200, 200));
    const targets = float32(Float32Array.of(0, 0.5, 0.25, 1, 0, 1, 1, 0));
    const { value, grad } = await valueAndGradient(open, (x, other) => binaryCrossEntropy(x, other), {
      x: logits,
      other: targets,
    });
    // -t log σ(z) - (1 - t) log σ(-z), with log σ(z) = z far below zero.
    const expected =
      [
        0,
        15,
        0.25 * Math.log(1 + Math.exp(1)) + 0.75 * Math.log(1 + Math.exp(-1)),
        Math.log(2),
        2 + Math.log(1 + Math.exp(-2)),
        0,
        0,
        200,
      ].reduce((sum, loss) => sum + loss, 0) / 8;
    expect(value / expected).toBeCloseTo(1, 5);
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    for (const [at, slope] of grad.entries())
      expect(slope).toBeCloseTo((sigmoid(logits.data[at] as number) - (targets.data[at] as number)) / 8, 6);
  });

  it('contrast samples that have others of their class, and leave out those that have none', async () => {
    const embeddings = normals('embeddings', [6, 5]);
    const labels = [2, 0, 2, 1, 2, 0];
    const { value } = await valueAndGradient(
      open,
      (x, other) => supervisedContrast(x as tf.Tensor2D, other as tf.Tensor1D),
      { x: embeddings, other: int32(Int32Array.from(labels)) },
    );
    const rows = [...Array(6).keys()].map((row) => [...embeddings.data.slice(5 * row, 5 * row + 5)]);
    expect(value / plain.supervisedContrast(rows, labels)).toBeCloseTo(1, 5);
  });

  it('are zero where no class is seen twice, with a gradient of zero', async () => {
    const { value, grad } = await valueAndGradient(
      open,
      (x, other) => supervisedContrast(x as tf.Tensor2D, other as tf.Tensor1D),
      { x: normals('embeddings', [3, 4]), other: int32(Int32Array.of(0, 1, 2)) },
    );
    expect(Math.abs(value)).toBe(0);
    expect(grad.every((slope) => Math.abs(slope) === 0)).toBe(true);
  });
});
