import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { batchNorm, gelu, layerNorm } from '../../src/engine/ops.ts';
import { recomputed } from '../../src/engine/recompute.ts';
import { float32 } from '../../src/util/tensor.ts';
import { normals, type Operation, wholeNumbers } from './compare-engines.ts';

type Body = Operation['body'];

/** An operation on random shapes, and the same written in simpler ones; without, tfjs' own kernels are the reference. */
export interface Pair extends Operation {
  readonly composed?: Body;
}

const extent = fc.integer({ min: 1, max: 5 });
const given = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor;
const image = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor4D;

/** The same tensor with a gradient of zero. */
const stopped = tf.customGrad(((x: tf.Tensor) => ({
  value: tf.clone(x),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
})) as never) as (x: tf.Tensor) => tf.Tensor;

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
        tf.mul(tf.sum(tf.grad(most)(tf.cast(given(ties), 'float32'))), most(given(x))),
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

/** Whatever lies between, the function that is computed again has the gradients of the one that is not. */
const ordered = fc
  .record({ shape: fc.array(extent, { minLength: 1, maxLength: 3 }), weights: fc.integer({ min: 0, max: 2 }) })
  .map(({ shape, weights }): Pair => {
    const names = ['a', 'b'].slice(0, weights);
    const f = (x: tf.Tensor, ...others: tf.Tensor[]) =>
      others.reduce((sum, other) => tf.square(tf.add(tf.mul(sum, other), x)), tf.mul(x, tf.relu(x)));
    return {
      name: `recomputed [${shape}] with ${weights} weights`,
      inputs: Object.fromEntries(['x', ...names].map((name) => [name, normals(name, shape)])),
      body: ({ x, ...others }) =>
        recomputed(
          f,
          given(x),
          names.map((name) => given(others[name])),
        ),
      composed: ({ x, ...others }) => f(given(x), ...names.map((name) => given(others[name]))),
    };
  });

const activations = {
  linear: (x: tf.Tensor) => x,
  relu: tf.relu,
  relu6: tf.relu6,
  elu: tf.elu,
  sigmoid: tf.sigmoid,
  leakyrelu: (x: tf.Tensor) => tf.maximum(x, tf.mul(x, 0.3)),
  prelu: (x: tf.Tensor, slopes: tf.Tensor) => tf.sub(tf.relu(x), tf.mul(tf.relu(tf.neg(x)), slopes)),
};
const finish = fc.record({
  activation: fc.constantFrom(...(Object.keys(activations) as (keyof typeof activations)[])),
  biased: fc.boolean(),
});

/** What tfjs' fused operations are given beside the product's operands, by the width of its last axis. */
const finishing = (
  { activation, biased }: { activation: keyof typeof activations; biased: boolean },
  width: number,
) => ({
  inputs: {
    ...(biased ? { bias: normals('bias', [width]) } : {}),
    ...(activation === 'prelu' ? { slopes: normals('slopes', [width]) } : {}),
  },
  settings: ({ bias, slopes }: Readonly<Record<string, tf.Tensor>>) => ({
    activation,
    leakyreluAlpha: 0.3,
    ...(bias ? { bias } : {}),
    ...(slopes ? { preluActivationWeights: slopes } : {}),
  }),
  composed: (x: tf.Tensor, { bias, slopes }: Readonly<Record<string, tf.Tensor>>) =>
    activations[activation](bias ? tf.add(x, bias) : x, given(slopes)),
});

const fusedProduct = fc
  .record({ rows: extent, inner: extent, columns: extent, left: fc.boolean(), right: fc.boolean(), finish })
  .map(({ rows: m, inner, columns, left, right, finish: drawn }): Pair => {
    const { inputs, settings, composed } = finishing(drawn, columns);
    return {
      name: `fused matMul [${m},${inner},${columns}] ${left} ${right} ${JSON.stringify(drawn)}`,
      inputs: {
        a: normals('a', left ? [inner, m] : [m, inner]),
        b: normals('b', right ? [columns, inner] : [inner, columns]),
        ...inputs,
      },
      body: ({ a, b, ...others }) =>
        tf.fused.matMul({ a: given(a), b: given(b), transposeA: left, transposeB: right, ...settings(others) }),
      composed: ({ a, b, ...others }) => composed(tf.matMul(given(a), given(b), left, right), others),
    };
  });

const fusedConvolution = (depthwise: boolean) =>
  fc.record({ drawn: window, finish }).map(({ drawn, finish: end }): Pair => {
    const { batch, height, width, channels, filter, outputs, strides } = drawn;
    const { inputs, settings, composed } = finishing(end, depthwise ? channels * outputs : outputs);
    const pad = padOf(drawn) as 'same';
    const [fused, plain] = depthwise ? [tf.fused.depthwiseConv2d, tf.depthwiseConv2d] : [tf.fused.conv2d, tf.conv2d];
    return {
      name: `fused convolution ${JSON.stringify(drawn)} ${JSON.stringify(end)}`,
      inputs: {
        x: normals('x', [batch, height, width, channels]),
        filter: normals('filter', [...filter, channels, outputs]),
        ...inputs,
      },
      body: ({ x, filter: kernel, ...others }) =>
        fused({ x: image(x), filter: image(kernel), strides, pad, ...settings(others) }),
      composed: ({ x, filter: kernel, ...others }) => composed(plain(image(x), image(kernel), strides, pad), others),
    };
  });

/** Every piece counts differently. */
const weighed = (pieces: readonly tf.Tensor[]) => tf.addN(pieces.map((piece, at) => tf.mul(piece, Math.cos(at))));

const pieces = (unpack: boolean) =>
  fc
    .record({ count: fc.integer({ min: 1, max: 12 }), size: extent, others: extent, axis: fc.constantFrom(0, 1, -1) })
    .map(({ count, size, others, axis }): Pair => {
      const shape = [others, others, others];
      const length = unpack ? count : count * size;
      shape.splice(axis === -1 ? 2 : axis, 1, length);
      const along = axis === -1 ? 2 : axis;
      return {
        name: `${unpack ? 'unstack' : 'split'} [${shape}] axis ${axis} into ${count}`,
        inputs: { x: normals('x', shape) },
        body: ({ x }) => weighed(unpack ? tf.unstack(given(x), axis) : tf.split(given(x), count, axis)),
        composed({ x }) {
          const parts = Array.from({ length: count }, (_, at) => {
            const indices = Array.from({ length: length / count }, (_unused, index) => (at * length) / count + index);
            const part = tf.gather(given(x), tf.tensor1d(indices, 'int32'), along);
            return unpack ? tf.squeeze(part, [along]) : part;
          });
          return weighed(parts);
        },
      };
    });

/** Conditions on whole numbers, by which no gradients are taken. */
const either = rows.map(
  ({ batch, count, width }): Pair => ({
    name: `logicalOr [${batch},${width}] ${count}`,
    inputs: {
      a: wholeNumbers(`a ${count}`, [batch, width], 2),
      b: wholeNumbers(`b ${count}`, [count % 2 === 0 ? batch : 1, width], 2),
      x: normals('x', [batch, width]),
    },
    body({ a, b, x }) {
      const one = tf.scalar(1, 'int32');
      const isEither = tf.logicalOr(tf.equal(given(a), one), tf.less(given(b), one));
      return tf.where(isEither, given(x), tf.neg(given(x)));
    },
    composed({ a, b, x }) {
      const isEither = tf.maximum(tf.cast(given(a), 'float32'), tf.sub(1, tf.cast(given(b), 'float32')));
      return tf.mul(given(x), tf.sub(tf.mul(isEither, 2), 1));
    },
  }),
);

const steps = fc
  .record({ batch: extent, width: extent, alpha: fc.constantFrom(0, 0.25, -2), seed: fc.nat(9) })
  .map(({ batch, width, alpha, seed }): Pair => {
    const shape = [batch, width];
    const kinds = wholeNumbers(`kinds ${seed}`, shape, 4);
    const x = Float32Array.from(kinds.data, (kind) => [-0.5, 0, 2, Number.NaN][kind] as number);
    return {
      name: `step [${shape}] ${alpha} ${seed}`,
      inputs: { x: float32(x, shape), kinds, y: normals('y', shape) },
      body: ({ x: at, y }) => tf.mul(tf.step(given(at), alpha), given(y)),
      composed({ x: at, kinds: kind, y }) {
        const is = (number: number) => tf.equal(given(kind), tf.scalar(number, 'int32'));
        const step = tf.where(is(2), tf.ones(shape), tf.fill(shape, alpha));
        return tf.mul(tf.where(is(3), stopped(given(at)), step), given(y));
      },
    };
  });

const reductions = { sum: tf.sum, mean: tf.mean, max: tf.max };
const reduced = fc
  .record({
    shape: fc.array(extent, { minLength: 1, maxLength: 4 }),
    chosen: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    kind: fc.constantFrom(...(Object.keys(reductions) as (keyof typeof reductions)[])),
    keep: fc.boolean(),
  })
  .map(({ shape, chosen, kind, keep }): Pair => {
    const axes = [...shape.keys()].filter((axis) => chosen[axis]);
    return {
      name: `${kind} [${shape}] over [${axes}] ${keep}`,
      inputs: { x: normals('x', shape) },
      body: ({ x }) => reductions[kind](given(x), axes, keep),
      // One axis after the other, element by element.
      composed: ({ x }) =>
        axes.reduceRight((rest, axis) => {
          const slices = tf.unstack(rest, axis);
          const combined =
            kind === 'max'
              ? slices.reduce((a, b) => tf.maximum(a, b))
              : tf.div(tf.addN(slices), kind === 'mean' ? slices.length : 1);
          return keep ? tf.expandDims(combined, axis) : combined;
        }, given(x)),
    };
  });

export interface Row {
  /** Kernels whose lowering, or composition, the row is about. */
  readonly kernels: readonly string[];
  readonly pairs: fc.Arbitrary<Pair>;
}

/**
 * Every lowering that is fused or differs by provider, beside the same in simpler operations. A new one takes a row here:
 * test/property/engine/lowerings.test.ts fails without.
 */
export const rowsByName: Readonly<Record<string, Row>> = {
  'layer normalisation': { kernels: ['IncubateLayerNorm'], pairs: normalised },
  GELU: { kernels: ['IncubateGelu'], pairs: activated },
  'computing in order': { kernels: ['IncubateAfter'], pairs: ordered },
  softmax: { kernels: ['Softmax'], pairs: softmax },
  'matrix products of transposed operands': { kernels: ['BatchMatMul'], pairs: product },
  'fused matrix products': { kernels: ['_FusedMatMul'], pairs: fusedProduct },
  convolutions: { kernels: ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'], pairs: convolved(tf.conv2d) },
  'convolutions of each channel': {
    kernels: ['DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackpropInput', 'DepthwiseConv2dNativeBackpropFilter'],
    pairs: convolved(tf.depthwiseConv2d),
  },
  'fused convolutions': { kernels: ['FusedConv2D'], pairs: fusedConvolution(false) },
  'fused convolutions of each channel': { kernels: ['FusedDepthwiseConv2D'], pairs: fusedConvolution(true) },
  'average pooling': { kernels: ['AvgPool', 'AvgPoolGrad'], pairs: averaged },
  'max pooling': { kernels: ['MaxPool', 'MaxPoolGrad'], pairs: maxima },
  'batch normalisation': { kernels: ['Mean'], pairs: batches(batchNorm) },
  'batch normalisation by given statistics': { kernels: ['FusedBatchNorm'], pairs: byStatistics },
  'sums, means and maxima over any axes': { kernels: ['Sum', 'Mean', 'Max'], pairs: reduced },
  'splitting into many pieces': { kernels: ['SplitV'], pairs: pieces(false) },
  'unstacking into many pieces': { kernels: ['Unpack'], pairs: pieces(true) },
  'either of two': { kernels: ['LogicalOr'], pairs: either },
  steps: { kernels: ['Step'], pairs: steps },
};
