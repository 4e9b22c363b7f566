import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { createEagerEngine } from '../../../../src/engine/eager-engine.ts';
import { gelu, layerNorm } from '../../../../src/engine/ops.ts';
import type { Engine, Program } from '../../../../src/engine/program.ts';
import { recomputed } from '../../../../src/engine/recompute.ts';
import { randomStream } from '../../../../src/util/random.ts';
import { float32, type HostTensors, int32, sizeOf } from '../../../../src/util/tensor.ts';

type Body = (x: tf.Tensor, y: tf.Tensor, extra: { positive: tf.Tensor; index: tf.Tensor }) => tf.Tensor;
export interface BasicCase {
  /** The kernel that the case is about. */
  readonly kernel: string;
  readonly body: Body;
  /** Whether the gradient of the sum of the result is compared too. */
  readonly gradient?: false;
}

const bool = (tensor: tf.Tensor) => tf.cast(tensor, 'float32');

const segmentSum: Body = (x, _, { index }) =>
  tf.unsortedSegmentSum(tf.transpose(x, [1, 0, 2]), tf.minimum(index, tf.scalar(1, 'int32')) as tf.Tensor1D, 4);
/** x and y are float32 [2, 3, 4], positive is float32 [3, 4] in (0.5, 1.5), index int32 [3] in 0..2. */
export const basicCases: readonly BasicCase[] = [
  { kernel: 'Add', body: (x, y) => tf.add(x, y) },
  { kernel: 'Sub', body: (x, _, { positive }) => tf.sub(positive, x) },
  { kernel: 'Multiply', body: (x, _, { positive }) => tf.mul(x, positive) },
  { kernel: 'RealDiv', body: (x, _, { positive }) => tf.div(x, positive) },
  { kernel: 'FloorDiv', body: (x, _, { positive }) => tf.floorDiv(x, positive), gradient: false },
  { kernel: 'Maximum', body: (x, y) => tf.maximum(x, y) },
  { kernel: 'Minimum', body: (x) => tf.minimum(x, 0.25) },
  { kernel: 'Pow', body: (x, _, { positive }) => tf.pow(positive, tf.abs(x)) },
  { kernel: 'SquaredDifference', body: (x, y) => tf.squaredDifference(x, y) },
  { kernel: 'Mod', body: (x, _, { positive }) => tf.mod(x, positive), gradient: false },
  { kernel: 'Equal', body: (x) => bool(tf.equal(tf.round(x), 0)), gradient: false },
  { kernel: 'NotEqual', body: (x) => bool(tf.notEqual(tf.round(x), 0)), gradient: false },
  { kernel: 'Greater', body: (x, y) => bool(tf.greater(x, y)), gradient: false },
  { kernel: 'GreaterEqual', body: (x, y) => bool(tf.greaterEqual(x, y)), gradient: false },
  { kernel: 'Less', body: (x, y) => bool(tf.less(x, y)), gradient: false },
  { kernel: 'LessEqual', body: (x, y) => bool(tf.lessEqual(x, y)), gradient: false },
  { kernel: 'LogicalAnd', body: (x, y) => bool(tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0))), gradient: false },
  { kernel: 'LogicalOr', body: (x, y) => bool(tf.logicalOr(tf.greater(x, 0), tf.greater(y, 0))), gradient: false },
  { kernel: 'LogicalNot', body: (x) => bool(tf.logicalNot(tf.greater(x, 0))), gradient: false },
  { kernel: 'Sqrt', body: (_, __, { positive }) => tf.sqrt(positive) },
  { kernel: 'Rsqrt', body: (_, __, { positive }) => tf.rsqrt(positive) },
  { kernel: 'Square', body: (x) => tf.square(x) },
  { kernel: 'Exp', body: (x) => tf.exp(x) },
  { kernel: 'Expm1', body: (x) => tf.expm1(x) },
  { kernel: 'Log', body: (_, __, { positive }) => tf.log(positive) },
  { kernel: 'Log1p', body: (_, __, { positive }) => tf.log1p(positive) },
  { kernel: 'Neg', body: (x) => tf.neg(x) },
  { kernel: 'Abs', body: (x) => tf.abs(x) },
  { kernel: 'Sign', body: (x) => tf.sign(x), gradient: false },
  { kernel: 'Floor', body: (x) => tf.floor(x), gradient: false },
  { kernel: 'Ceil', body: (x) => tf.ceil(x), gradient: false },
  { kernel: 'Round', body: (x) => tf.round(tf.mul(x, 2)), gradient: false },
  { kernel: 'Erf', body: (x) => tf.erf(x) },
  { kernel: 'Tanh', body: (x) => tf.tanh(x) },
  { kernel: 'Sigmoid', body: (x) => tf.sigmoid(x) },
  { kernel: 'Relu', body: (x) => tf.relu(x) },
  { kernel: 'Relu6', body: (x) => tf.relu6(tf.mul(x, 5)) },
  { kernel: 'LeakyRelu', body: (x) => tf.leakyRelu(x, 0.3) },
  { kernel: 'Elu', body: (x) => tf.elu(x) },
  { kernel: 'EluGrad', body: (x) => tf.grad((input) => tf.sum(tf.elu(input)))(x), gradient: false },
  { kernel: 'Softplus', body: (x) => tf.softplus(x) },
  { kernel: 'Selu', body: (x) => tf.selu(x) },
  { kernel: 'Prelu', body: (x, y) => tf.prelu(x, y) },
  { kernel: 'Sin', body: (x) => tf.sin(x) },
  { kernel: 'Cos', body: (x) => tf.cos(x) },
  { kernel: 'Tan', body: (x) => tf.tan(tf.mul(x, 0.3)) },
  { kernel: 'Asin', body: (x) => tf.asin(tf.tanh(x)) },
  { kernel: 'Acos', body: (x) => tf.acos(tf.tanh(x)) },
  { kernel: 'Atan', body: (x) => tf.atan(x) },
  { kernel: 'Sinh', body: (x) => tf.sinh(x) },
  { kernel: 'Cosh', body: (x) => tf.cosh(x) },
  { kernel: 'Asinh', body: (x) => tf.asinh(x) },
  { kernel: 'Acosh', body: (_, __, { positive }) => tf.acosh(tf.add(positive, 1)) },
  { kernel: 'Atanh', body: (x) => tf.atanh(tf.mul(tf.tanh(x), 0.9)) },
  { kernel: 'Step', body: (x) => tf.step(x, 0.5), gradient: false },
  { kernel: 'Reciprocal', body: (_, __, { positive }) => tf.reciprocal(positive) },
  { kernel: 'ClipByValue', body: (x) => tf.clipByValue(x, -0.5, 0.75) },
  { kernel: 'IsNan', body: (x) => bool(tf.isNaN(tf.div(x, tf.sub(x, x)))), gradient: false },
  { kernel: 'IsInf', body: (x) => bool(tf.isInf(tf.div(x, tf.sub(x, x)))), gradient: false },
  { kernel: 'IsFinite', body: (x) => bool(tf.isFinite(tf.log(x))), gradient: false },
  { kernel: 'IsFinite', body: (x) => bool(tf.isFinite(tf.cast(x, 'int32'))), gradient: false },
  { kernel: 'IsFinite', body: (x) => bool(tf.isFinite(tf.div(tf.mul(x, 3e38), 0.5))), gradient: false },
  { kernel: 'AddN', body: (x, y) => tf.addN([x, y, x]) },
  {
    kernel: 'Select',
    body: (x, y, { index }) => tf.where(tf.greater(tf.reshape(index, [1, 3, 1]), 0), x, tf.mul(y, 2)),
  },
  { kernel: 'Cast', body: (x) => tf.cast(tf.cast(tf.mul(x, 3), 'int32'), 'float32'), gradient: false },
  { kernel: 'Reshape', body: (x) => tf.mul(tf.reshape(x, [4, 6]), 2) },
  { kernel: 'ExpandDims', body: (x) => tf.mul(tf.expandDims(x, -2), 2) },
  { kernel: 'Transpose', body: (x) => tf.mul(tf.transpose(x, [2, 0, 1]), 2) },
  { kernel: 'Slice', body: (x) => tf.slice(x, [0, 1, 2], [2, -1, 1]) },
  { kernel: 'StridedSlice', body: (x) => tf.stridedSlice(x, [0, 2, 3], [2, 0, 0], [1, -1, -2]), gradient: false },
  { kernel: 'StridedSlice', body: (x) => tf.stridedSlice(x, [1], [2], [1], 0, 0, 0, 0, 1), gradient: false },
  { kernel: 'Tile', body: (x) => tf.tile(x, [1, 2, 3]) },
  {
    kernel: 'PadV2',
    body: (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
          [1, 1],
        ],
        0.5,
      ),
  },
  { kernel: 'Reverse', body: (x) => tf.mul(tf.reverse(x, [0, 2]), tf.exp(x)) },
  { kernel: 'Concat', body: (x, y) => tf.concat([x, y, x], 1) },
  { kernel: 'Pack', body: (x, y) => tf.stack([x, y], 1) },
  { kernel: 'Unpack', body: (x) => tf.add(...(tf.unstack(x, 0) as [tf.Tensor, tf.Tensor])) },
  {
    kernel: 'SplitV',
    body: (x) => tf.mul(tf.split(x, [1, 3], 2)[1] as tf.Tensor, tf.split(x, [3, 1], 2)[0] as tf.Tensor),
  },
  { kernel: 'GatherV2', body: (x, _, { index }) => tf.gather(x, index as tf.Tensor1D, 2) },
  { kernel: 'UnsortedSegmentSum', body: segmentSum },
  {
    kernel: 'OneHot',
    body: (_, __, { index }) => tf.oneHot(index as tf.Tensor1D, 4, 0.9, 0.1, 'float32'),
    gradient: false,
  },
  { kernel: 'Sum', body: (x) => tf.sum(tf.square(x), [0, 2], true) },
  { kernel: 'Mean', body: (x) => tf.mean(tf.square(x), 1) },
  { kernel: 'Max', body: (x) => tf.max(x, 2) },
  { kernel: 'Min', body: (x) => tf.min(x, [0, 1]) },
  { kernel: 'Prod', body: (x) => tf.prod(x, 1), gradient: false },
  { kernel: 'All', body: (x) => bool(tf.all(tf.greater(x, -1), 2)), gradient: false },
  { kernel: 'Any', body: (x) => bool(tf.any(tf.greater(x, 1), 2)), gradient: false },
  { kernel: 'ArgMax', body: (x) => bool(tf.argMax(x, 1)), gradient: false },
  { kernel: 'ArgMin', body: (x) => bool(tf.argMin(x, -1)), gradient: false },
  { kernel: 'Cumsum', body: (x) => tf.cumsum(x, 2, true, true) },
  { kernel: 'Softmax', body: (x) => tf.square(tf.softmax(x)) },
  { kernel: 'Mean', body: (x) => tf.mean(tf.cast(tf.mul(x, 9), 'int32'), 1), gradient: false },
  { kernel: 'Select', body: (x, y) => bool(tf.where(tf.greater(x, y), tf.less(x, 0), tf.less(y, 1))), gradient: false },
  { kernel: 'BatchMatMul', body: (x, y) => tf.matMul(x, y, false, true) },
  { kernel: 'BatchMatMul', body: (x, y) => tf.matMul(x, y, true, false) },
  { kernel: 'BatchMatMul', body: (x, _, { positive }) => tf.matMul(tf.reshape(x, [6, 4]), positive, false, true) },
  { kernel: 'BatchMatMul', body: (x, _, { positive }) => tf.matMul(tf.reshape(x, [3, 8]), positive, true, false) },
  {
    kernel: 'IncubateLayerNorm',
    body: (x, y, { positive }) => {
      const first = (tensor: tf.Tensor) => tf.reshape(tf.slice(tf.reshape(tensor, [-1]), [0], [4]), [4]);
      return tf.square(layerNorm(x, first(positive), first(y), 1e-5));
    },
  },
  { kernel: 'IncubateAfter', body: (x, y) => recomputed((a, b) => tf.tanh(tf.mul(tf.sin(a), b as tf.Tensor)), x, [y]) },
  { kernel: 'IncubateGelu', body: (x) => gelu(tf.mul(x, 2)) },
  { kernel: 'BroadcastTo', body: (x) => tf.broadcastTo(tf.sum(x, 1, true), [2, 3, 4]) },
  { kernel: 'BroadcastTo', body: (x) => tf.softmax(tf.add(tf.sum(x, 2, true), tf.zeros([2, 3, 4]))) },
];

const specs = {
  x: { dtype: 'float32', shape: [2, 3, 4] },
  y: { dtype: 'float32', shape: [2, 3, 4] },
  positive: { dtype: 'float32', shape: [3, 4] },
  index: { dtype: 'int32', shape: [3] },
} as const;

function feeds(): HostTensors {
  const random = randomStream(1, 'kernels');
  const draw = (shape: readonly number[], value: () => number) =>
    float32(Float32Array.from({ length: sizeOf(shape) }, value), shape);
  return {
    x: draw(specs.x.shape, random.normal),
    y: draw(specs.y.shape, random.normal),
    positive: draw(specs.positive.shape, () => 0.5 + random.uniform()),
    index: int32(Int32Array.of(2, 0, 1)),
  };
}

/** The case's result, and the gradients by all float inputs of the result weighted by its own position. */
export function basicProgram({ kernel, body, gradient }: BasicCase): Program {
  return {
    name: kernel,
    state: {},
    feeds: specs,
    body(_, { x, y, positive, index }) {
      if (!x || !y || !positive || !index) throw new RangeError('a feed is missing');
      const run = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => body(a, b, { positive: c, index });
      const result = run(x, y, positive);
      const outputs: Record<string, tf.Tensor> = { result };
      if (gradient !== false) {
        const weights = tf.reshape(tf.range(1, sizeOf(result.shape) + 1), result.shape);
        // The extra term gives every input a gradient, also where the case does not use it.
        const touch = (...inputs: tf.Tensor[]) =>
          inputs.reduce((sum, input) => tf.add(sum, tf.sum(input)), tf.scalar(0) as tf.Tensor);
        const scalar = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) =>
          tf.add(tf.sum(tf.mul(run(a, b, c), weights)), touch(a, b, c));
        tf.grads(scalar)([x, y, positive]).forEach((tensor, at) => {
          outputs[`gradient ${at}`] = tensor;
        });
      }
      return { state: {}, outputs };
    },
  };
}

/** Expects the same results of an engine and of tfjs' CPU backend. */
export async function expectBasicCase(engine: Engine, item: BasicCase): Promise<void> {
  const program = basicProgram(item);
  const run = async (on: Engine) => (await on.compile(program)).run(on.createState({}), feeds());
  const [traced, eager] = [await run(engine), await run(await createEagerEngine('cpu'))];
  expect(Object.keys(traced).sort()).toEqual(Object.keys(eager).sort());
  for (const [name, expected] of Object.entries(eager)) {
    expect(traced[name]?.shape, name).toEqual(expected.shape);
    for (const [index, value] of expected.data.entries()) {
      const actual = traced[name]?.data[index] as number;
      if (Number.isNaN(value)) expect(actual, name).toBeNaN();
      else
        expect(Math.abs(actual - value), `${name}[${index}] of ${value}`).toBeLessThanOrEqual(
          5e-5 * Math.max(1, Math.abs(value)),
        );
    }
  }
}
