import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { programOf, runOn, wholeNumbers } from '../../support/compare-engines.ts';

/** aᵀ b of [K, m] and [K, n], in double precision. */
function product(a: HostTensor, b: HostTensor): Float32Array {
  const [rows, m, n] = [a.shape[0] as number, a.shape[1] as number, b.shape[1] as number];
  const sums = new Float64Array(m * n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < m; i++) {
      const factor = a.data[row * m + i] as number;
      for (let j = 0; j < n; j++)
        sums[i * n + j] = (sums[i * n + j] as number) + factor * (b.data[row * n + j] as number);
    }
  }
  return Float32Array.from(sums);
}

describe('products that sum over many rows, as gradients of weights do', () => {
  it.each([
    [1024, 128, 128],
    [1031, 130, 141],
    [1500, 141, 130],
    [1023, 130, 141],
    [1031, 127, 141],
    [1031, 141, 127],
  ])('are exact for whole numbers: %i rows, %i by %i', async (rows, m, n) => {
    const numbers = (name: string, shape: number[]) =>
      float32(Float32Array.from(wholeNumbers(name, shape, 9).data), shape);
    const inputs = { a: numbers('a', [rows, m]), b: numbers('b', [rows, n]) };
    const program = programOf(
      { name: 'product', inputs, body: ({ a, b }) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, true) },
      false,
    );
    const [result] = Object.values(await runOn(createOnnxEngine({ threads: 2 }), program, inputs));
    expect(result?.shape).toEqual([m, n]);
    expect(result?.data).toEqual(product(inputs.a, inputs.b));
  });
});

it('products of int32 take transposed operands', async () => {
  const inputs = { a: wholeNumbers('a', [3, 4], 9), b: wholeNumbers('b', [5, 3], 9) };
  const body = ({ a, b }: Record<string, tf.Tensor>) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, true, true);
  const program = programOf({ name: 'product', inputs, body }, false);
  const [result] = Object.values(await runOn(createOnnxEngine({ threads: 1 }), program, inputs));
  const [a, b] = [inputs.a.data, inputs.b.data];
  const element = (i: number, j: number) =>
    [0, 1, 2].reduce((sum, k) => sum + (a[k * 4 + i] as number) * (b[j * 3 + k] as number), 0);
  expect(Array.from(result?.data ?? [])).toEqual(
    Array.from({ length: 20 }, (_, at) => element(Math.floor(at / 5), at % 5)),
  );
});
