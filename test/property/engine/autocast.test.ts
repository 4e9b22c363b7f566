import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Precision } from '../../../src/config/precision.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { batchNorm, gelu, layerNorm } from '../../../src/engine/ops.ts';
import type { Program } from '../../../src/engine/program.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { normals, runOn } from '../../support/compare-engines.ts';
import { jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';

const emulated = () => createOnnxEngine({ threads: 1, emulate: true });

const lengthOf = (values: Iterable<number>) => {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
};

/** Length of the difference of two vectors, relative to the second. */
function distance(found: readonly number[], expected: readonly number[]): number {
  return lengthOf(expected.map((value, index) => value - (found[index] as number))) / lengthOf(expected);
}

/** A loss of parameters that are given by name, scaled as in training, and its gradients. */
interface Model {
  readonly name: string;
  readonly parameters: Readonly<Record<string, HostTensor>>;
  readonly loss: (parameters: Readonly<Record<string, tf.Tensor>>) => tf.Scalar;
}

type Described<A> = A extends fc.Arbitrary<infer T> ? T : never;

const SCALE = 1024;

function gradientsOf({ name, parameters, loss }: Model, precision: Precision): Program {
  const names = Object.keys(parameters);
  return {
    name,
    state: {},
    feeds: Object.fromEntries(names.map((key) => [key, { dtype: 'float32', shape: parameters[key]?.shape ?? [] }])),
    precision,
    body(_, feeds) {
      const lossOf = (...values: tf.Tensor[]) =>
        loss(Object.fromEntries(names.map((key, index) => [key, values[index] as tf.Tensor])));
      const inputs = names.map((key) => feeds[key] as tf.Tensor);
      const { value, grads } = tf.valueAndGrads(lossOf)(inputs, tf.scalar(SCALE));
      return {
        state: {},
        outputs: { value, ...Object.fromEntries(names.map((key, at) => [key, grads[at] as tf.Tensor])) },
      };
    },
  };
}

async function expectNearFloat32(model: Model): Promise<void> {
  const expected = await runOn(emulated(), gradientsOf(model, 'fp32'), model.parameters);
  for (const [precision, tolerance] of [
    ['fp16', 1e-2],
    ['bf16', 8e-2],
  ] as const) {
    const found = await runOn(emulated(), gradientsOf(model, precision), model.parameters);
    const [gradient, other] = [found, expected].map(({ value: _, ...gradients }) =>
      Object.keys(model.parameters).flatMap((name) => [...(gradients[name]?.data ?? [])]),
    ) as [number[], number[]];
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(distance(gradient, other), precision).toBeLessThan(tolerance);
    expect(Math.abs((found.value?.data[0] as number) / (expected.value?.data[0] as number) - 1)).toBeLessThan(
      tolerance,
    );
  }
}

const activations = { gelu, tanh: tf.tanh, sigmoid: tf.sigmoid, softmax: tf.softmax, none: (x: tf.Tensor) => x };
const activation = fc.constantFrom(...(Object.keys(activations) as (keyof typeof activations)[]));
const width = fc.integer({ min: 8, max: 40 });

const perceptron = fc.record({
  batch: fc.integer({ min: 8, max: 32 }),
  widths: fc.array(width, { minLength: 2, maxLength: 5 }),
  kind: activation,
  normalised: fc.boolean(),
  residual: fc.boolean(),
});

function perceptronOf({ batch, widths, kind, normalised, residual }: Described<typeof perceptron>): Model {
  const layers = widths.slice(1).map((outputs, index) => [widths[index] as number, outputs] as const);
  const parameters = Object.fromEntries([
    ['x', normals('x', [batch, widths[0] as number])],
    ...layers.flatMap(([inputs, outputs], index) => [
      [`weight ${index}`, scaled(normals(`weight ${index}`, [inputs, outputs]), inputs ** -0.5)],
      [`bias ${index}`, normals(`bias ${index}`, [outputs])],
      [`gain ${index}`, normals(`gain ${index}`, [outputs])],
    ]),
  ]) as Record<string, HostTensor>;
  return {
    name: `perceptron ${batch} ${widths} ${kind}${normalised ? ' normalised' : ''}${residual ? ' residual' : ''}`,
    parameters,
    loss(given) {
      let y = given.x as tf.Tensor2D;
      for (const [index, [inputs, outputs]] of layers.entries()) {
        const [weight, bias, gain] = ['weight', 'bias', 'gain'].map((name) => given[`${name} ${index}`] as tf.Tensor);
        let next = tf.add(tf.matMul(y, weight as tf.Tensor2D), bias as tf.Tensor);
        next = normalised
          ? layerNorm(next, gain as tf.Tensor, bias as tf.Tensor, 1e-3)
          : tf.mul(next, tf.add(1, tf.mul(gain as tf.Tensor, 0.1)));
        next = activations[kind](next);
        y = (residual && inputs === outputs ? tf.add(y, next) : next) as tf.Tensor2D;
      }
      return meanSquare(y);
    },
  };
}

const convolutional = fc.record({
  batch: fc.integer({ min: 2, max: 4 }),
  side: fc.integer({ min: 5, max: 9 }),
  channels: fc.integer({ min: 3, max: 8 }),
  stride: fc.integer({ min: 1, max: 2 }),
  kind: fc.constantFrom('gelu' as const, 'tanh' as const),
  depthwise: fc.boolean(),
});

function convolutionalOf({ batch, side, channels, stride, kind, depthwise }: Described<typeof convolutional>): Model {
  return {
    name: `convolutional ${batch} ${side} ${channels} ${stride} ${kind}${depthwise ? ' depthwise' : ''}`,
    parameters: {
      images: normals('images', [batch, side, side, 3]),
      first: scaled(normals('first', [3, 3, 3, channels]), 27 ** -0.5),
      second: scaled(normals('second', [3, 3, channels, depthwise ? 1 : channels]), (9 * channels) ** -0.5),
      gain: normals('gain', [channels]),
      bias: normals('bias', [channels]),
    },
    loss({ images, first, second, gain, bias }) {
      const features = tf.conv2d(images as tf.Tensor4D, first as tf.Tensor4D, stride, 'same');
      const hidden = activations[kind](batchNorm(features, gain as tf.Tensor, bias as tf.Tensor, 1e-3)) as tf.Tensor4D;
      const convolved = depthwise
        ? tf.depthwiseConv2d(hidden, second as tf.Tensor4D, 1, 'same')
        : tf.conv2d(hidden, second as tf.Tensor4D, 1, 'same');
      return meanSquare(tf.add(hidden, convolved));
    },
  };
}

function scaled({ data, shape }: HostTensor, factor: number): HostTensor {
  return float32(
    Float32Array.from(data, (value) => value * factor),
    shape,
  );
}

/** The mean square of the distance to one, so that gradients are not what the normalisation makes zero. */
function meanSquare(y: tf.Tensor): tf.Scalar {
  const targets = tf.cos(tf.reshape(tf.range(0, y.size), y.shape));
  return tf.mean(tf.square(tf.sub(y, targets)));
}

it('gradients of any perceptron are those of float32 but for roundings', async () => {
  await fc.assert(
    fc.asyncProperty(perceptron, (described) => expectNearFloat32(perceptronOf(described))),
    { numRuns: 40 },
  );
});

it('gradients of any convolutional network are those of float32 but for roundings', async () => {
  await fc.assert(
    fc.asyncProperty(convolutional, (described) => expectNearFloat32(convolutionalOf(described))),
    { numRuns: 30 },
  );
});

const transformer = fc.record({
  width: fc.constantFrom(16, 24, 48),
  heads: fc.constantFrom(1, 2, 4),
  depth: fc.integer({ min: 3, max: 5 }),
  patch: fc.constantFrom(2, 4, 8),
  job: fc.constantFrom(...Object.values(jobs)),
  accumulate: fc.constantFrom(1, 2),
  clip: fc.constantFrom(null, 0.5),
});

it('steps of any vision transformer are those of float32 but for roundings', async () => {
  await fc.assert(
    fc.asyncProperty(transformer, async ({ job, accumulate, clip, ...model }) => {
      const run = (precision: Precision) => {
        const phase = { epochs: 1, clip, dropPath: 0.2 };
        const phases = { meta: phase, incubate: phase, finetune: phase };
        const training = { precision, accumulate, mixup: 0.8, cutmix: 1 };
        // The usual scale is too large for the gradients of some random networks.
        const given = { lossScale: float32(Float32Array.of(SCALE), []) };
        return runSteps(emulated(), tinyJob(job, tinyConfig({ model, training, phases })), 1, given);
      };
      const [expected, found] = [await run('fp32'), await run('fp16')];
      const { m, parameters } = found.tensors;
      expect(found.tensors.goodSteps?.data[0]).toBe(1);
      expect(parameters?.data.every(Number.isFinite)).toBe(true);
      // After the first step m is the gradient's tenth.
      expect(distance([...(m?.data ?? [])], [...(expected.tensors.m?.data ?? [])])).toBeLessThan(1e-2);
      expect(Math.abs((found.losses[0] as number) / (expected.losses[0] as number) - 1)).toBeLessThan(1e-3);
    }),
    { numRuns: 30 },
  );
});
