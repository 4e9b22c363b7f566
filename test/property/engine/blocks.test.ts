import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { channelBlock } from '../../../src/engine/channel-block.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { tuned } from '../../../src/engine/onnx-tuning.ts';
import { batchNorm, channelNorm } from '../../../src/engine/ops.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { expectClose, normals, type Operation, programOf, runOn } from '../../support/compare-engines.ts';
import { thorough } from '../../support/faults.ts';

const image = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor4D;

/** Channels that fit blocks of any size, and some that do not. */
const channels = fc.constantFrom(16, 32, 48, 3, 5, 24);
const side = fc.integer({ min: 5, max: 9 });
const few = fc.integer({ min: 1, max: 3 });

/** Padding of which no window sees nothing else. */
const pads = fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.constant('explicit' as const));
function padOf(pad: 'same' | 'valid' | 'explicit', [height, width]: readonly [number, number]) {
  if (pad !== 'explicit') return pad;
  return [
    [0, 0],
    [height - 1, 0],
    [0, width - 1],
    [0, 0],
  ] as unknown as 'same';
}

const convolutions = fc.record({
  batch: fc.constantFrom(1, 2, 16, 18, 34),
  height: side,
  width: side,
  inputs: channels,
  outputs: channels,
  filter: fc.tuple(few, few),
  strides: fc.tuple(few, few),
  dilations: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)),
  isDilated: fc.boolean(),
  pad: pads,
});
type Convolution = typeof convolutions extends fc.Arbitrary<infer T> ? T : never;

function convolved(drawn: Convolution): Operation {
  const { batch, height, width, inputs, outputs, filter, isDilated } = drawn;
  const [strides, dilations] = isDilated ? [1, drawn.dilations] : [drawn.strides, 1];
  const pad = padOf(drawn.pad, filter);
  return {
    name: JSON.stringify(drawn),
    inputs: {
      x: normals('x', [batch, height, width, inputs]),
      filter: normals('filter', [...filter, inputs, outputs]),
    },
    body: ({ x, filter: kernel }) => tf.conv2d(image(x), image(kernel), strides, pad, 'NHWC', dilations),
  };
}

/** What follows a convolution, on its result [B, H, W, 16] and an image, a vector and a scale of each image. */
type Following = (x: tf.Tensor4D, y: tf.Tensor4D, vector: tf.Tensor1D, scale: tf.Tensor4D) => tf.Tensor;
const following: Readonly<Record<string, Following>> = {
  relu: (x) => tf.relu(x),
  'sum with an image': (x, y) => tf.add(x, y),
  'an image less the result': (x, y) => tf.sub(y, x),
  'product with itself': (x) => tf.mul(x, x),
  'factor per channel': (x, _, vector) => tf.mul(x, vector),
  'term per channel': (x, _, vector) => tf.add(vector, x),
  'a channel’s number less the result': (x, _, vector) => tf.sub(vector, x),
  'the result less a channel’s number': (x, _, vector) => tf.sub(x, tf.reshape(vector, [1, 1, 1, -1])),
  'quotient by a channel’s number': (x, _, vector) => tf.div(x, tf.add(tf.square(vector), 1)),
  'factor per image': (x, _y, _v, scale) => tf.mul(x, scale),
  'number for all': (x) => tf.sub(1.5, tf.mul(x, -2)),
  'mean over images': (x) => tf.mean(x, [1, 2]),
  'sum over all but channels': (x) => tf.sum(x, [0, 1, 2]),
  'mean that keeps its axes': (x) => tf.mean(x, [1, 2], true),
  'mean over channels': (x) => tf.mean(x, 3),
  'sum of all': (x) => tf.sum(x),
  'max pooling': (x) => tf.maxPool(x, 3, 2, 1),
  'max pooling without padding': (x) => tf.maxPool(x, 2, 1, 'valid'),
  'average pooling': (x) => tf.avgPool(x, 2, 2, 'same'),
  transposition: (x) => tf.transpose(x, [3, 0, 2, 1]),
  slice: (x) => tf.slice(x, [0, 1, 0, 3], [-1, 2, -1, 9]),
  concatenation: (x, y) => tf.concat([x, y], 3),
  'matrix product': (x, y) => tf.matMul(x, y, false, true),
  'affine, sum and relu': (x, y, vector) => tf.relu(tf.add(tf.add(tf.mul(x, vector), tf.square(vector)), y)),
  'affine twice': (x, _, vector) => tf.mul(tf.sub(tf.mul(tf.add(x, vector), vector), 0.5), vector),
  'sum of two affines': (x, y, vector) => tf.relu(tf.add(tf.mul(y, vector), tf.add(tf.mul(x, vector), vector))),
  'affine used twice': (x, _, vector) => {
    const scaled = tf.add(tf.mul(x, vector), vector);
    return tf.mul(tf.relu(scaled), scaled);
  },
  'sums of products': (x, y) => tf.add(tf.sum(tf.mul(x, y), [0, 1, 2]), tf.mean(tf.square(x), [0, 1, 2])),
  'batch normalisation': (x, _, vector) => batchNorm(x, vector, tf.square(vector), 0.1),
  'batch normalisation, sum and relu': (x, y, vector) =>
    tf.relu(tf.add(batchNorm(x, vector, tf.square(vector), 0.1), y)),
  'normalisation by given statistics': (x, _, vector) => channelNorm(x, vector, vector, vector, tf.square(vector), 0.1),
};

/** Rules of what has no gradient, and steps that a rounding may cross: of whole numbers, which nothing rounds. */
const underivable: Readonly<Record<string, Following>> = {
  choice: (x, y) => tf.where(tf.greater(x, y), x, tf.mul(y, 2)),
  mask: (x, y) => tf.mul(tf.cast(tf.greater(x, 0), 'float32'), y),
  'comparison that is read': (x, y) => tf.sum(tf.cast(tf.greater(x, y), 'float32'), 1),
  'whole numbers': (x) => tf.cast(tf.cast(tf.mul(x, 3), 'int32'), 'float32'),
};

const followed = fc.record({
  rule: fc.constantFrom(...Object.keys({ ...following, ...underivable })),
  batch: fc.constantFrom(1, 2, 16),
  height: side,
  width: side,
});

function convolvedFirst(drawn: typeof followed extends fc.Arbitrary<infer T> ? T : never): Operation {
  const { rule, batch, height, width } = drawn;
  const follow = (following[rule] ?? underivable[rule]) as Following;
  const drawnAs = rule in underivable ? whole : (tensor: HostTensor) => tensor;
  return {
    name: JSON.stringify(drawn),
    inputs: {
      x: drawnAs(normals('x', [batch, height, width, 3])),
      filter: drawnAs(normals('filter', [3, 3, 3, 32])),
      other: drawnAs(normals('other', [3, 3, 3, 32])),
      vector: normals('vector', [32]),
      scale: normals('scale', [batch, 1, 1, 1]),
    },
    body(inputs) {
      const { x, filter, other, vector, scale } = inputs;
      const [result, beside] = [filter, other].map((kernel) => tf.conv2d(image(x), image(kernel), 1, 'same'));
      const value = follow(image(result), image(beside), vector as tf.Tensor1D, image(scale));
      // Gradients are taken by all inputs, whatever the rule.
      return Object.values(inputs).reduce((sum, input) => tf.add(sum, tf.sum(input)), value);
    },
  };
}

/** Numbers twice as large, rounded. */
function whole({ data, shape }: HostTensor): HostTensor {
  return float32(
    Float32Array.from(data, (value) => Math.round(2 * value)),
    shape,
  );
}

/** Expects the results of tfjs' CPU backend with images in blocks, and without. */
async function expectEqual(operation: Operation, withGradients: boolean): Promise<void> {
  const program = programOf(operation, withGradients);
  const expected = await runOn(await createEagerEngine('cpu'), program, operation.inputs);
  for (const blockChannels of [true, false]) {
    const engine = createOnnxEngine({ threads: 2, tuning: { ...tuned, blockChannels } });
    const results = await runOn(engine, program, operation.inputs);
    for (const [name, tensor] of Object.entries(expected))
      expectClose(results[name], tensor, `${name} ${blockChannels ? 'in blocks' : ''}`);
  }
}

it('convolutions with images in blocks and without have the same values and gradients', async () => {
  const property = fc.asyncProperty(convolutions, (drawn) => expectEqual(convolved(drawn), true));
  await fc.assert(property, { numRuns: thorough ? 12 : 6 });
});

it('what follows a convolution has the same values and gradients with images in blocks and without', async () => {
  const property = fc.asyncProperty(followed, (drawn) => expectEqual(convolvedFirst(drawn), drawn.rule in following));
  await fc.assert(property, { numRuns: thorough ? 30 : 15 });
});

it('channels are kept in blocks where the processor has operators for them', async () => {
  expect([1, 4, 8, 16]).toContain(await channelBlock());
});
