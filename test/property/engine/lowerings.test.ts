import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { batchNorm, gelu, layerNorm } from '../../../src/engine/ops.ts';
import type { HostTensor } from '../../../src/util/tensor.ts';
import { expectClose, normals, type Operation, programOf, runOn, wholeNumbers } from '../../support/compare-engines.ts';

type Body = Operation['body'];

/** An operation on random shapes, and the same written in simpler ones; without, tfjs' own kernels are the reference. */
interface Pair extends Operation {
  readonly composed?: Body;
}

const extent = fc.integer({ min: 1, max: 5 });
const given = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor;
const image = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor4D;

const rows = fc.record({ batch: extent, count: extent, width: fc.integer({ min: 2, max: 9 }) });

const normalised = rows.map(
  ({ batch, count, width }): Pair => ({
    name: `layerNorm [${batch},${count},${width}]`,
    inputs: { x: normals('x', [batch, count, width]), gain: normals('gain', [width]), bias: normals('bias', [width]) },
    body: ({ x, gain, bias }) => layerNorm(given(x), given(gain), given(bias), 1e-3),
    composed({ x, gain, bias }) {
      const { mean, variance } = tf.moments(given(x), -1, true);
      const unit = tf.div(tf.sub(given(x), mean), tf.sqrt(tf.add(variance, 1e-3)));
      return tf.add(tf.mul(unit, given(gain)), given(bias));
    },
  }),
);

const activated = rows.map(
  ({ batch, width }): Pair => ({
    name: `gelu [${batch},${width}]`,
    inputs: { x: normals('x', [batch, width]) },
    body: ({ x }) => gelu(given(x)),
    composed: ({ x }) => tf.mul(tf.mul(given(x), 0.5), tf.add(tf.erf(tf.mul(given(x), Math.SQRT1_2)), 1)),
  }),
);

const softmax = rows.map(
  ({ batch, count, width }): Pair => ({
    name: `softmax [${batch},${count},${width}]`,
    inputs: { x: normals('x', [batch, count, width]) },
    body: ({ x }) => tf.softmax(given(x)),
    composed({ x }) {
      const powers = tf.exp(given(x));
      return tf.div(powers, tf.sum(powers, -1, true));
    },
  }),
);

const product = fc
  .record({ batch: extent, rows: extent, inner: extent, columns: extent, left: fc.boolean(), right: fc.boolean() })
  .map(
    ({ batch, rows: m, inner, columns, left, right }): Pair => ({
      name: `matMul [${batch},${m},${inner},${columns}] ${left} ${right}`,
      inputs: {
        a: normals('a', left ? [batch, inner, m] : [batch, m, inner]),
        b: normals('b', right ? [batch, columns, inner] : [batch, inner, columns]),
      },
      body: ({ a, b }) => tf.matMul(given(a), given(b), left, right),
      composed({ a, b }) {
        const x = left ? tf.transpose(given(a), [0, 2, 1]) : given(a);
        const y = right ? tf.transpose(given(b), [0, 2, 1]) : given(b);
        return tf.sum(tf.mul(tf.expandDims(x, 3), tf.expandDims(y, 1)), 2);
      },
    }),
  );

const padding = fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.constant('explicit' as const));
const window = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  height: fc.integer({ min: 5, max: 9 }),
  width: fc.integer({ min: 5, max: 9 }),
  channels: fc.integer({ min: 1, max: 3 }),
  filter: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  outputs: fc.integer({ min: 1, max: 3 }),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  isDilated: fc.boolean(),
  padding,
});
type Window = typeof window extends fc.Arbitrary<infer T> ? T : never;

/** Padding of which no window sees nothing else. */
const padOf = ({ padding: pad, filter: [height, width] }: Window) =>
  pad === 'explicit'
    ? ([
        [0, 0],
        [height - 1, 0],
        [0, width - 1],
        [0, 0],
      ] as [[number, number], [number, number], [number, number], [number, number]])
    : pad;

/** A filter with zeros between its elements, which needs no dilation. */
function stuffed(filter: tf.Tensor4D, [down, across]: readonly [number, number]): tf.Tensor4D {
  const [height, width, inputs, outputs] = filter.shape;
  const apart = tf.pad(tf.reshape(filter, [height, 1, width, 1, inputs, outputs]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0],
    [0, 0],
  ]);
  const wide = tf.reshape(apart, [height * down, width * across, inputs, outputs]) as tf.Tensor4D;
  return tf.slice(wide, [0, 0, 0, 0], [(height - 1) * down + 1, (width - 1) * across + 1, inputs, outputs]);
}

const convolved = (convolve: typeof tf.conv2d | typeof tf.depthwiseConv2d) =>
  window.map((drawn): Pair => {
    const { batch, height, width, channels, filter, outputs, isDilated, strides } = drawn;
    const dilations: [number, number] = isDilated ? drawn.dilations : [1, 1];
    const steps: [number, number] = isDilated ? [1, 1] : strides;
    const pad = padOf(drawn);
    return {
      name: `convolution ${JSON.stringify(drawn)}`,
      inputs: {
        x: normals('x', [batch, height, width, channels]),
        filter: normals('filter', [...filter, channels, outputs]),
      },
      body: ({ x, filter: kernel }) => convolve(image(x), image(kernel), steps, pad as 'same', 'NHWC', dilations),
      composed: ({ x, filter: kernel }) =>
        convolve(image(x), stuffed(image(kernel), dilations), steps, pad as 'same', 'NHWC', 1),
    };
  });

const averaged = window.map((drawn): Pair => {
  const { batch, height, width, channels, filter, strides } = drawn;
  const pad = padOf(drawn) as 'same';
  return {
    name: `avgPool ${JSON.stringify(drawn)}`,
    inputs: { x: normals('x', [batch, height, width, channels]) },
    body: ({ x }) => tf.avgPool(image(x), filter, strides, pad),
    composed({ x }) {
      const ones = tf.ones([...filter, channels, 1]) as tf.Tensor4D;
      const sum = (images: tf.Tensor4D) => tf.depthwiseConv2d(images, ones, strides, pad);
      return tf.div(sum(image(x)), sum(tf.ones(image(x).shape)));
    },
  };
});

const maxima = window.map((drawn): Pair => {
  const { batch, height, width, channels, filter, strides } = drawn;
  return {
    name: `maxPool ${JSON.stringify(drawn)}`,
    inputs: {
      x: normals('x', [batch, height, width, channels]),
      // Few values, so that many windows hold their maximum more than once.
      ties: wholeNumbers('ties', [batch, height, width, channels], 3),
    },
    body({ x, ties }) {
      const most = (images: tf.Tensor) => tf.maxPool(image(images), filter, strides, padOf(drawn) as 'same');
      return tf.concat([
        most(given(x)),
        tf.mul(
          tf
            .grad(most)(tf.cast(given(ties), 'float32'))
            .sum(),
          most(given(x)),
        ),
      ]);
    },
  };
});

const batches = (norm: (x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, eps: number) => tf.Tensor) =>
  rows.map(
    ({ batch, count, width }): Pair => ({
      name: `batchNorm [${batch},${count},2,${width}]`,
      inputs: {
        x: normals('x', [batch, count, 2, width]),
        gain: normals('gain', [width]),
        bias: normals('bias', [width]),
      },
      body: ({ x, gain, bias }) => norm(given(x), given(gain), given(bias), 0.1),
      composed({ x, gain, bias }) {
        const { mean, variance } = tf.moments(given(x), [0, 1, 2]);
        const unit = tf.div(tf.sub(given(x), mean), tf.sqrt(tf.add(variance, 0.1)));
        return tf.add(tf.mul(unit, given(gain)), given(bias));
      },
    }),
  );

const byStatistics = batches((x, gain, bias, eps) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const vector = (tensor: tf.Tensor) => tensor as tf.Tensor1D;
  return tf.batchNorm(image(x), vector(mean), vector(variance), vector(bias), vector(gain), eps);
});

it.each<[string, fc.Arbitrary<Pair>]>([
  ['layer normalisation', normalised],
  ['GELU', activated],
  ['softmax', softmax],
  ['matrix products of transposed operands', product],
  ['convolutions', convolved(tf.conv2d)],
  ['convolutions of each channel', convolved(tf.depthwiseConv2d)],
  ['average pooling', averaged],
  ['max pooling', maxima],
  ['batch normalisation', batches(batchNorm)],
  ['batch normalisation by given statistics', byStatistics],
])('%s: lowered and composed agree in value and gradients, whatever the shapes', async (_, pairs) => {
  const [onnx, eager] = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];
  await fc.assert(
    fc.asyncProperty(pairs, async (pair) => {
      const lowered = await runOn(onnx, programOf(pair, true), pair.inputs);
      const reference = programOf({ ...pair, body: pair.composed ?? pair.body }, true);
      const expected = await runOn(eager, reference, pair.inputs);
      for (const [name, tensor] of Object.entries(expected)) expectClose(lowered[name], tensor, `${pair.name} ${name}`);
    }),
    { numRuns: 40 },
  );
});

const sides = { height: fc.integer({ min: 1, max: 6 }), width: fc.integer({ min: 1, max: 6 }) };
const resized = fc
  .record({
    ...sides,
    size: fc.tuple(extent, extent),
    mode: fc.constantFrom('', 'corners', 'centres'),
    nearest: fc.boolean(),
  })
  .map(({ height, width, size, mode, nearest }): Operation => {
    const resize = nearest ? tf.image.resizeNearestNeighbor : tf.image.resizeBilinear;
    return {
      name: `resize [${height},${width}] to [${size}] ${mode} ${nearest}`,
      inputs: { x: normals('x', [2, height, width, 3]) },
      body: ({ x }) => resize(image(x), size, mode === 'corners', mode === 'centres'),
    };
  });

const mirrored = fc
  .record({ rows: fc.tuple(extent, extent), columns: fc.tuple(extent, extent), reflect: fc.boolean() })
  .map(({ rows: down, columns, reflect }): Operation => {
    const most = (reflect ? 1 : 0) + Math.max(...down, ...columns);
    return {
      name: `mirrorPad [${down}] [${columns}] ${reflect}`,
      inputs: { x: normals('x', [most, most + 1]) },
      body: ({ x }) => tf.mirrorPad(given(x), [down, columns], reflect ? 'reflect' : 'symmetric'),
    };
  });

const sliced = fc
  .array(fc.record({ extent, from: extent, to: extent, stride: fc.constantFrom(-3, -2, -1, 1, 2, 3) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((axes): Operation => {
    // From the lower to the higher bound, or the other way round; at least the first element is inside.
    const bounds = axes.map(({ extent: size, from, to, stride }) => {
      const [low, high] = [Math.min(from, to, size) - 1, Math.min(Math.max(from, to), size) - 1];
      return stride > 0 ? [low, high + 1, stride] : [high, low - 1 < 0 ? -size - 1 : low - 1, stride];
    }) as [number, number, number][];
    return {
      name: `stridedSlice of [${axes.map((axis) => axis.extent)}] ${JSON.stringify(bounds)}`,
      inputs: {
        x: normals(
          'x',
          axes.map((axis) => axis.extent),
        ),
      },
      body: ({ x }) =>
        tf.stridedSlice(
          given(x),
          bounds.map(([begin]) => begin),
          bounds.map(([, end]) => end),
          bounds.map(([, , stride]) => stride),
        ),
    };
  });

const gathered = fc
  .record({
    extents: fc.tuple(extent, extent, extent),
    depth: fc.integer({ min: 1, max: 3 }),
    count: extent,
    seed: fc.nat(9),
  })
  .map(({ extents, depth, count, seed }): Operation => {
    const columns = extents.slice(0, depth).map((size, axis) => wholeNumbers(`${seed} ${axis}`, [count], size));
    return {
      name: `gatherND [${extents}] depth ${depth} count ${count} seed ${seed}`,
      inputs: { x: normals('x', extents) },
      body: ({ x }) =>
        tf.gatherND(
          given(x),
          tf.stack(
            columns.map(({ data }) => tf.tensor1d(data as Int32Array, 'int32')),
            1,
          ),
        ),
    };
  });

it.each<[string, fc.Arbitrary<Operation>]>([
  ['resizing', resized],
  ['mirror padding', mirrored],
  ['strided slices', sliced],
  ['gathering by coordinates', gathered],
])('%s: linear, so the gradient times the input is the weighted result', async (_, operations) => {
  const [onnx, eager] = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];
  await fc.assert(
    fc.asyncProperty(operations, async (operation) => {
      const expected = await runOn(eager, programOf(operation, false), operation.inputs);
      const results = await runOn(onnx, programOf(operation, true), operation.inputs);
      expectClose(results.result, expected.result as HostTensor, operation.name);
      const dot = (tensor: HostTensor | undefined, weight: (index: number) => number) =>
        [...(tensor as HostTensor).data].reduce((sum, value, index) => sum + value * weight(index), 0);
      const { x } = operation.inputs as { x: HostTensor };
      const weighted = dot(results.result, Math.cos);
      expect(
        dot(results['gradient by x'], (index) => x.data[index] as number),
        operation.name,
      ).toBeCloseTo(weighted, 3);
    }),
    { numRuns: 40 },
  );
});
