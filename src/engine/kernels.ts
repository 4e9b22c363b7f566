import { backend_util } from '@tensorflow/tfjs-core';
import type { Attributes, Value, ValueType } from './graph.ts';

/** Shape and type of a node's output. */
export interface OutputType {
  readonly dtype: ValueType;
  readonly shape: readonly number[];
}

/** What the front end must know of a kernel. */
export interface Kernel {
  /** tfjs' names of the kernel's inputs in order; 'list' where it takes an array. */
  readonly inputs: readonly string[] | 'list';
  infer(inputs: readonly Value[], attributes: Attributes): readonly OutputType[];
  /** Whether the result at an element depends on the inputs at that element only, with broadcasting. */
  readonly elementwise?: boolean;
}

type Infer = (x: Value, attributes: Attributes) => OutputType;

const like = (x: Value, dtype: ValueType = x.dtype): OutputType => ({ dtype, shape: x.shape });
const broadcast = (inputs: readonly Value[]): number[] =>
  inputs.reduce<number[]>((shape, { shape: other }) => backend_util.assertAndGetBroadcastShape(shape, [...other]), []);

const unary = (dtype?: ValueType): Kernel => ({
  inputs: ['x'],
  elementwise: true,
  infer: ([x]) => [like(x as Value, dtype)],
});
const binary = (dtype?: ValueType): Kernel => ({
  inputs: ['a', 'b'],
  elementwise: true,
  infer: (inputs) => [{ dtype: dtype ?? (inputs[0] as Value).dtype, shape: broadcast(inputs) }],
});
const shaped = (input: string, infer: Infer): Kernel => ({
  inputs: [input],
  infer: ([x], attributes) => [infer(x as Value, attributes)],
});

/** Axes of a reduction, all of them where none are given; not negative, ascending. */
export function axesOf(axis: unknown, rank: number): number[] {
  const axes = axis === undefined || axis === null ? [...Array(rank).keys()] : [axis].flat();
  return axes.map((value) => ((value as number) + rank) % rank).sort((a, b) => a - b);
}

/** Axes of a reduction; tfjs calls them `reductionIndices` in Max alone. */
export function reducedAxes(x: Value, { axis, reductionIndices }: Attributes): number[] {
  return axesOf(axis ?? reductionIndices, x.shape.length);
}

const reduction = (dtype?: (x: Value) => ValueType): Kernel =>
  shaped('x', (x, attributes) => {
    const axes = reducedAxes(x, attributes);
    const { keepDims } = attributes;
    const shape = keepDims
      ? x.shape.map((extent, index) => (axes.includes(index) ? 1 : extent))
      : x.shape.filter((_, index) => !axes.includes(index));
    return { dtype: dtype?.(x) ?? x.dtype, shape };
  });
const indexOfExtreme: Kernel = shaped('x', (x, { axis }) => ({
  dtype: 'int32',
  shape: x.shape.filter((_, index) => !axesOf(axis, x.shape.length).includes(index)),
}));

/** Every kernel that can be traced. Adding one takes a line here and one in the table of lowerings. */
export const kernels: Readonly<Record<string, Kernel>> = {
  ...Object.fromEntries(
    ['Add', 'Sub', 'Multiply', 'RealDiv', 'FloorDiv', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference', 'Mod'].map(
      (name) => [name, binary()],
    ),
  ),
  ...Object.fromEntries(
    ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'].map((name) => [
      name,
      binary('bool'),
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['Sqrt', 'Rsqrt', 'Square', 'Exp', 'Expm1', 'Log', 'Log1p', 'Neg', 'Abs', 'Sign', 'Floor', 'Ceil', 'Round'],
      ...[
        'Erf',
        'Tanh',
        'Sigmoid',
        'Relu',
        'Relu6',
        'LeakyRelu',
        'Elu',
        'Softplus',
        'Sin',
        'Cos',
        'Step',
        'Reciprocal',
      ],
      ...['ClipByValue', 'IncubateGelu'],
    ].map((name) => [name, unary()]),
  ),
  ...Object.fromEntries(['LogicalNot', 'IsNan', 'IsFinite', 'IsInf'].map((name) => [name, unary('bool')])),
  AddN: {
    inputs: 'list',
    elementwise: true,
    infer: (inputs) => [like(inputs[0] as Value)],
  },
  Select: {
    inputs: ['condition', 't', 'e'],
    elementwise: true,
    infer: (inputs) => [{ dtype: (inputs[1] as Value).dtype, shape: broadcast(inputs) }],
  },
  Cast: { ...unary(), infer: ([x], { dtype }) => [like(x as Value, dtype as ValueType)] },
  /** Ours, not tfjs': a lazily broadcast tensor. */
  BroadcastTo: shaped('x', (x, { shape }) => ({ dtype: x.dtype, shape: shape as number[] })),

  Reshape: shaped('x', (x, { shape }) => {
    const wanted = shape as number[];
    const size = x.shape.reduce((product, extent) => product * extent, 1);
    const known = wanted.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
    return { dtype: x.dtype, shape: wanted.map((extent) => (extent === -1 ? size / known : extent)) };
  }),
  ExpandDims: shaped('input', (x, { dim }) => {
    const shape = [...x.shape];
    shape.splice((dim as number) < 0 ? x.shape.length + 1 + (dim as number) : (dim as number), 0, 1);
    return { dtype: x.dtype, shape };
  }),
  Transpose: shaped('x', (x, { perm }) => ({
    dtype: x.dtype,
    shape: (perm as number[]).map((axis) => x.shape[axis] as number),
  })),
  Slice: shaped('x', (x, { begin, size }) => ({
    dtype: x.dtype,
    shape: (size as number[]).map((extent, axis) =>
      extent === -1 ? (x.shape[axis] as number) - ((begin as number[])[axis] as number) : extent,
    ),
  })),
  Tile: shaped('x', (x, { reps }) => ({
    dtype: x.dtype,
    shape: x.shape.map((extent, axis) => extent * ((reps as number[])[axis] as number)),
  })),
  PadV2: shaped('x', (x, { paddings }) => ({
    dtype: x.dtype,
    shape: x.shape.map((extent, axis) => {
      const [before, after] = (paddings as [number, number][])[axis] as [number, number];
      return extent + before + after;
    }),
  })),
  Reverse: shaped('x', (x) => like(x)),
  Concat: {
    inputs: 'list',
    infer(inputs, { axis }) {
      const first = inputs[0] as Value;
      const along = axesOf(axis, first.shape.length)[0] as number;
      const total = inputs.reduce((sum, { shape }) => sum + (shape[along] as number), 0);
      return [{ dtype: first.dtype, shape: first.shape.map((extent, index) => (index === along ? total : extent)) }];
    },
  },
  Pack: {
    inputs: 'list',
    infer(inputs, { axis }) {
      const first = inputs[0] as Value;
      const shape = [...first.shape];
      shape.splice(axis as number, 0, inputs.length);
      return [{ dtype: first.dtype, shape }];
    },
  },
  Unpack: {
    inputs: ['value'],
    infer([x], { axis }) {
      const { dtype, shape } = x as Value;
      const along = axesOf(axis, shape.length)[0] as number;
      const rest = shape.filter((_, index) => index !== along);
      return Array.from({ length: shape[along] as number }, () => ({ dtype, shape: rest }));
    },
  },
  SplitV: {
    inputs: ['x'],
    infer([x], { numOrSizeSplits, axis }) {
      const { dtype, shape } = x as Value;
      const along = axesOf(axis, shape.length)[0] as number;
      return splitSizes(shape[along] as number, numOrSizeSplits).map((size) => ({
        dtype,
        shape: shape.map((extent, index) => (index === along ? size : extent)),
      }));
    },
  },
  GatherV2: {
    inputs: ['x', 'indices'],
    infer([x, indices], { axis }) {
      const { dtype, shape } = x as Value;
      const along = axesOf(axis, shape.length)[0] as number;
      return [{ dtype, shape: [...shape.slice(0, along), ...(indices as Value).shape, ...shape.slice(along + 1)] }];
    },
  },
  OneHot: shaped('indices', (x, { depth, dtype }) => ({
    dtype: dtype as ValueType,
    shape: [...x.shape, depth as number],
  })),

  Sum: reduction((x) => (x.dtype === 'bool' ? 'int32' : x.dtype)),
  Mean: reduction(() => 'float32'),
  Max: reduction(),
  Min: reduction(),
  Prod: reduction(),
  All: reduction(),
  Any: reduction(),
  ArgMax: indexOfExtreme,
  ArgMin: indexOfExtreme,
  Cumsum: shaped('x', (x) => like(x)),
  Softmax: shaped('logits', (x) => like(x)),
  BatchMatMul: {
    inputs: ['a', 'b'],
    infer([a, b], { transposeA, transposeB }) {
      const left = (a as Value).shape;
      const right = (b as Value).shape;
      const rows = left.at(transposeA ? -1 : -2) as number;
      const columns = right.at(transposeB ? -2 : -1) as number;
      const batch = backend_util.assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2));
      return [{ dtype: (a as Value).dtype, shape: [...batch, rows, columns] }];
    },
  },
  /** Ours: (x, gain, bias) to (y, mean, 1 / deviation), the statistics over the last axis and with extent 1 there. */
  IncubateLayerNorm: {
    inputs: ['x', 'gain', 'bias'],
    infer([x]) {
      const { dtype, shape } = x as Value;
      const statistics = { dtype, shape: [...shape.slice(0, -1), 1] };
      return [{ dtype, shape }, statistics, statistics];
    },
  },
};

/** Lengths of the pieces of a split, given as their number or as a list in which -1 stands for the rest. */
export function splitSizes(extent: number, numOrSizeSplits: unknown): number[] {
  if (typeof numOrSizeSplits === 'number') return Array(numOrSizeSplits).fill(extent / numOrSizeSplits) as number[];
  const sizes = numOrSizeSplits as number[];
  const known = sizes.reduce((sum, size) => (size === -1 ? sum : sum + size), 0);
  return sizes.map((size) => (size === -1 ? extent - known : size));
}
