import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { gelu, layerNorm } from '../../../src/engine/ops.ts';
import type { Engine, Program } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32 } from '../../../src/util/tensor.ts';

const EPS = 1e-5;
const rows = 3;
const width = 7;
const normal = (purpose: string, size: number) => {
  const { normal: draw } = randomStream(3, purpose);
  return Float64Array.from({ length: size }, () => Math.fround(draw()));
};

/** Layer normalisation of rows of x in double precision. */
function plainLayerNorm(x: Float64Array, gain: Float64Array, bias: Float64Array): Float64Array {
  return x.map((value, index) => {
    const row = x.subarray(index - (index % width), index - (index % width) + width);
    const mean = row.reduce((sum, other) => sum + other, 0) / width;
    const variance = row.reduce((sum, other) => sum + (other - mean) ** 2, 0) / width;
    return (
      ((value - mean) / Math.sqrt(variance + EPS)) * (gain[index % width] as number) + (bias[index % width] as number)
    );
  });
}

/** x Φ(x) in double precision; Φ by Simpson's rule. */
function plainGelu(x: number): number {
  const steps = 400;
  const density = (value: number) => Math.exp(-(value ** 2) / 2) / Math.sqrt(2 * Math.PI);
  let integral = density(0) + density(x);
  for (let step = 1; step < steps; step++) integral += density((x * step) / steps) * (step % 2 === 1 ? 4 : 2);
  return x * (0.5 + (integral * x) / steps / 3);
}

/** Central differences of the weighted sum of a function's results. */
function slopes(compute: (x: Float64Array) => Float64Array, at: Float64Array, weights: Float64Array): Float64Array {
  const total = (x: Float64Array) =>
    compute(x).reduce((sum, value, index) => sum + value * (weights[index] as number), 0);
  return at.map((value, index) => {
    const [up, down] = [at.slice(), at.slice()];
    up[index] = value + 1e-5;
    down[index] = value - 1e-5;
    return (total(up) - total(down)) / 2e-5;
  });
}

async function outputsOf(engine: Engine, program: Program, feeds: Record<string, [Float64Array, number[]]>) {
  const executable = await engine.compile(program);
  const host = Object.fromEntries(
    Object.entries(feeds).map(([name, [data, shape]]) => [name, float32(Float32Array.from(data), shape)]),
  );
  return executable.run(engine.createState({}), host);
}

function expectClose(actual: ArrayLike<number> | undefined, expected: Float64Array): void {
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((actual?.[index] ?? Number.NaN) - value), `[${index}] of ${value}`).toBeLessThan(2e-5);
  }
}

const layerNormProgram: Program = {
  name: 'layerNorm',
  state: {},
  feeds: {
    x: { dtype: 'float32', shape: [rows, width] },
    gain: { dtype: 'float32', shape: [width] },
    bias: { dtype: 'float32', shape: [width] },
    weights: { dtype: 'float32', shape: [rows, width] },
  },
  body(_, feeds) {
    const { x, gain, bias, weights } = feeds as Record<'x' | 'gain' | 'bias' | 'weights', tf.Tensor>;
    const total = (a: tf.Tensor, g: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(layerNorm(a, g, b, EPS), weights));
    const [dx, dGain, dBias] = tf.grads(total)([x, gain, bias]) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { state: {}, outputs: { y: layerNorm(x, gain, bias, EPS), dx, dGain, dBias } };
  },
};

// Includes zero, where x Φ(x) / x is undefined, and both tails.
const geluPoints = Float64Array.of(-9, -5, -3, -1.5, -0.5, -1e-3, 0, 1e-20, 0.1, 0.7, 2, 4.5, 9);
const geluProgram: Program = {
  name: 'gelu',
  state: {},
  feeds: { x: { dtype: 'float32', shape: [geluPoints.length] } },
  body(_, { x }) {
    const input = x as tf.Tensor;
    return { state: {}, outputs: { y: gelu(input), dx: tf.grad((a) => tf.sum(gelu(a)))(input) } };
  },
};

describe.each([
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
])('on the engine %s', (_, open) => {
  it('layer normalisation and its gradients agree with double precision and finite differences', async () => {
    const [x, gain, bias, weights] = [rows * width, width, width, rows * width].map((size, index) =>
      normal(`operand ${index}`, size),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    const shape = [rows, width];
    const outputs = await outputsOf(await open(), layerNormProgram, {
      x: [x, shape],
      gain: [gain, [width]],
      bias: [bias, [width]],
      weights: [weights, shape],
    });
    expectClose(outputs.y?.data, plainLayerNorm(x, gain, bias));
    expectClose(
      outputs.dx?.data,
      slopes((at) => plainLayerNorm(at, gain, bias), x, weights),
    );
    expectClose(
      outputs.dGain?.data,
      slopes((at) => plainLayerNorm(x, at, bias), gain, weights),
    );
    expectClose(
      outputs.dBias?.data,
      slopes((at) => plainLayerNorm(x, gain, at), bias, weights),
    );
  });

  it('gelu and its gradient agree with double precision and finite differences', async () => {
    const outputs = await outputsOf(await open(), geluProgram, { x: [geluPoints, [geluPoints.length]] });
    expectClose(outputs.y?.data, geluPoints.map(plainGelu));
    expectClose(
      outputs.dx?.data,
      slopes(
        (at) => at.map(plainGelu),
        geluPoints,
        geluPoints.map(() => 1),
      ),
    );
  });
});

it('a composite is one node of the forward pass', () => {
  const kernelsOf = (program: Program) => traceProgram(program).nodes.map(({ kernel }) => kernel);
  expect(kernelsOf(layerNormProgram).filter((kernel) => kernel === 'IncubateLayerNorm')).toHaveLength(1);
  expect(kernelsOf(geluProgram).filter((kernel) => kernel === 'IncubateGelu')).toHaveLength(1);
});
