import { type Attributes, type Node, sameShape, type Value } from './graph.ts';
import { axesOf, reducedAxes, splitSizes } from './kernels.ts';
import type { LoweringContext } from './onnx-builder.ts';
import { elementTypes } from './onnx-format.ts';

/** Lowers a node to ONNX operators; returns the names of its outputs, in order. */
type Lowering = (context: LoweringContext, node: Node) => readonly string[];

const only = (node: Node) => node.outputs[0] as Value;
const input = (node: Node, index = 0) => node.inputs[index] as Value;

/** An operator that broadcasts its operands. Where they broadcast to less than the node's shape, the result is expanded. */
const elementwise =
  (type: string, ...more: readonly string[]): Lowering =>
  (context, node) => {
    const { onnx } = context;
    let name = onnx.op(type, node.inputs.map(context.loose));
    for (const next of more) name = onnx.op(next, [name]);
    return [expanded(context, node, name)];
  };

function expanded({ onnx, element }: LoweringContext, node: Node, name: string): string {
  const { shape } = only(node);
  const full = node.inputs.some((value) => element(value) === undefined && sameShape(value.shape, shape));
  if (full || shape.length === 0) return name;
  const actual = node.inputs.filter((value) => element(value) === undefined).map((value) => value.shape);
  const reached = shape.every((extent, axis) =>
    actual.some((other) => (other[axis - (shape.length - other.length)] ?? 0) === extent),
  );
  return reached ? name : onnx.op('Expand', [name, onnx.int64(shape)]);
}

const unary =
  (type: string, attributes: (node: Node) => Record<string, { float: number }> = () => ({})): Lowering =>
  (context, node) => [context.onnx.op(type, [context.full(input(node))], attributes(node))];

/** A composition of scalar operators on one operand. */
const formula =
  (
    build: (context: LoweringContext, x: string, scalar: (value: number) => string, attributes: Attributes) => string,
  ): Lowering =>
  (context, node) => {
    const x = input(node);
    return [build(context, context.full(x), (value) => context.onnx.scalar(value, x.dtype), node.attributes)];
  };

const reduction =
  (type: string): Lowering =>
  (context, node) => {
    const { onnx } = context;
    const x = input(node);
    const axes = reducedAxes(x, node.attributes);
    if (axes.length === 0) return [context.full(x)];
    const keepdims = node.attributes.keepDims ? 1 : 0;
    const boolean = x.dtype === 'bool';
    const numeric = boolean ? onnx.op('Cast', [context.full(x)], { to: elementTypes.int32 }) : context.full(x);
    const reduced = onnx.op(type, [numeric, onnx.int64(axes)], { keepdims });
    return [boolean && only(node).dtype === 'bool' ? onnx.op('Cast', [reduced], { to: elementTypes.bool }) : reduced];
  };

const indexOfExtreme =
  (type: string): Lowering =>
  (context, node) => {
    const x = input(node);
    const axis = axesOf(node.attributes.axis, x.shape.length)[0] ?? 0;
    const index = context.onnx.op(type, [context.full(x)], { axis, keepdims: 0 });
    return [context.onnx.op('Cast', [index], { to: elementTypes.int32 })];
  };

const reshape: Lowering = (context, node) => [
  context.onnx.op('Reshape', [context.full(input(node)), context.onnx.int64(only(node).shape)]),
];

export const lowerings: Readonly<Record<string, Lowering>> = {
  Add: elementwise('Add'),
  Sub: elementwise('Sub'),
  Multiply: elementwise('Mul'),
  RealDiv: elementwise('Div'),
  FloorDiv(context, node) {
    const { onnx } = context;
    const operands = node.inputs.map((value) => onnx.op('Cast', [context.loose(value)], { to: elementTypes.float32 }));
    const quotient = onnx.op('Floor', [onnx.op('Div', operands)]);
    const name = onnx.op('Cast', [quotient], { to: elementTypes[only(node).dtype] });
    return [expanded(context, node, name)];
  },
  Maximum: elementwise('Max'),
  Minimum: elementwise('Min'),
  Pow: elementwise('Pow'),
  SquaredDifference(context, node) {
    const { onnx } = context;
    const difference = onnx.op('Sub', node.inputs.map(context.loose));
    return [expanded(context, node, onnx.op('Mul', [difference, difference]))];
  },
  Mod(context, node) {
    const { onnx } = context;
    const [a, b] = node.inputs.map(context.loose) as [string, string];
    if (only(node).dtype === 'int32') return [expanded(context, node, onnx.op('Mod', [a, b]))];
    const whole = onnx.op('Floor', [onnx.op('Div', [a, b])]);
    return [expanded(context, node, onnx.op('Sub', [a, onnx.op('Mul', [whole, b])]))];
  },
  Equal: elementwise('Equal'),
  NotEqual: elementwise('Equal', 'Not'),
  Greater: elementwise('Greater'),
  GreaterEqual: elementwise('GreaterOrEqual'),
  Less: elementwise('Less'),
  LessEqual: elementwise('LessOrEqual'),
  LogicalAnd: elementwise('And'),
  LogicalOr: elementwise('Or'),
  Select: elementwise('Where'),
  AddN(context, node) {
    const names = node.inputs.map(context.full);
    return [names.slice(1).reduce((sum, name) => context.onnx.op('Add', [sum, name]), names[0] as string)];
  },

  Sqrt: unary('Sqrt'),
  Rsqrt: formula(({ onnx }, x) => onnx.op('Reciprocal', [onnx.op('Sqrt', [x])])),
  Square: formula(({ onnx }, x) => onnx.op('Mul', [x, x])),
  Exp: unary('Exp'),
  Expm1: formula(({ onnx }, x, scalar) => onnx.op('Sub', [onnx.op('Exp', [x]), scalar(1)])),
  Log: unary('Log'),
  Log1p: formula(({ onnx }, x, scalar) => onnx.op('Log', [onnx.op('Add', [x, scalar(1)])])),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Floor: unary('Floor'),
  Ceil: unary('Ceil'),
  Round: unary('Round'),
  Erf: unary('Erf'),
  Tanh: unary('Tanh'),
  Sigmoid: unary('Sigmoid'),
  Relu: unary('Relu'),
  Relu6: formula(({ onnx }, x, scalar) => onnx.op('Clip', [x, scalar(0), scalar(6)])),
  LeakyRelu: unary('LeakyRelu', ({ attributes }) => ({ alpha: { float: attributes.alpha as number } })),
  Elu: unary('Elu'),
  Softplus: unary('Softplus'),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Reciprocal: unary('Reciprocal'),
  Step: formula(({ onnx }, x, scalar, { alpha }) => {
    const step = onnx.op('Where', [
      onnx.op('Greater', [x, scalar(0)]),
      scalar(1),
      scalar((alpha as number | undefined) ?? 0),
    ]);
    return onnx.op('Where', [onnx.op('IsNaN', [x]), x, step]);
  }),
  ClipByValue: formula(({ onnx }, x, scalar, { clipValueMin, clipValueMax }) =>
    onnx.op('Clip', [x, scalar(clipValueMin as number), scalar(clipValueMax as number)]),
  ),
  LogicalNot: unary('Not'),
  IsNan: unary('IsNaN'),
  IsInf: unary('IsInf'),
  IsFinite: formula(({ onnx }, x) => onnx.op('Not', [onnx.op('Or', [onnx.op('IsNaN', [x]), onnx.op('IsInf', [x])])])),
  IncubateGelu: unary('Gelu'),
  Cast(context, node) {
    return [castTo(context, input(node), only(node))];
  },

  BroadcastTo(context, node) {
    return [context.onnx.op('Expand', [context.full(input(node)), context.onnx.int64(only(node).shape)])];
  },
  Reshape: reshape,
  ExpandDims: reshape,
  Transpose: (context, node) => [
    context.onnx.op('Transpose', [context.full(input(node))], { perm: node.attributes.perm as number[] }),
  ],
  Slice(context, node) {
    const { onnx } = context;
    const begin = node.attributes.begin as number[];
    const ends = begin.map((start, axis) => start + (only(node).shape[axis] as number));
    const axes = begin.map((_, axis) => axis);
    return [onnx.op('Slice', [context.full(input(node)), onnx.int64(begin), onnx.int64(ends), onnx.int64(axes)])];
  },
  Tile: (context, node) => [
    context.onnx.op('Tile', [context.full(input(node)), context.onnx.int64(node.attributes.reps as number[])]),
  ],
  PadV2(context, node) {
    const { onnx } = context;
    const paddings = node.attributes.paddings as [number, number][];
    const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
    const value = onnx.scalar(node.attributes.constantValue as number, input(node).dtype);
    return [onnx.op('Pad', [context.full(input(node)), onnx.int64(pads), value])];
  },
  Reverse(context, node) {
    const { onnx } = context;
    const axes = axesOf(node.attributes.dims, input(node).shape.length);
    const all = (value: number) => onnx.int64(axes.map(() => value));
    // From the last element to before the first, backwards.
    return [onnx.op('Slice', [context.full(input(node)), all(-1), all(-(2 ** 31)), onnx.int64(axes), all(-1)])];
  },
  Concat(context, node) {
    const axis = axesOf(node.attributes.axis, only(node).shape.length)[0] as number;
    return [context.onnx.op('Concat', node.inputs.map(context.full), { axis })];
  },
  Pack(context, node) {
    const { onnx } = context;
    const axis = node.attributes.axis as number;
    const pieces = node.inputs.map((value) => onnx.op('Unsqueeze', [context.full(value), onnx.int64([axis])]));
    return [onnx.op('Concat', pieces, { axis })];
  },
  Unpack(context, node) {
    const { onnx } = context;
    const axis = axesOf(node.attributes.axis, input(node).shape.length)[0] as number;
    const pieces = node.outputs.map(() => onnx.fresh());
    onnx.ops('Split', [context.full(input(node)), onnx.int64(pieces.map(() => 1))], { axis }, pieces);
    return pieces.map((piece) => onnx.op('Squeeze', [piece, onnx.int64([axis])]));
  },
  SplitV(context, node) {
    const { onnx } = context;
    const { shape } = input(node);
    const axis = axesOf(node.attributes.axis, shape.length)[0] as number;
    const sizes = splitSizes(shape[axis] as number, node.attributes.numOrSizeSplits);
    const pieces = node.outputs.map(() => onnx.fresh());
    onnx.ops('Split', [context.full(input(node)), onnx.int64(sizes)], { axis }, pieces);
    return pieces;
  },
  GatherV2(context, node) {
    const axis = axesOf(node.attributes.axis, input(node).shape.length)[0] as number;
    return [context.onnx.op('Gather', node.inputs.map(context.full), { axis })];
  },
  OneHot(context, node) {
    const { onnx } = context;
    const { depth, onValue, offValue } = node.attributes as { depth: number; onValue: number; offValue: number };
    const classes = onnx.initializer(
      'int32',
      [depth],
      Int32Array.from({ length: depth }, (_, index) => index),
    );
    const column = onnx.op('Unsqueeze', [context.full(input(node)), onnx.int64([-1])]);
    const { dtype } = only(node);
    return [
      onnx.op('Where', [
        onnx.op('Equal', [column, classes]),
        onnx.scalar(onValue, dtype),
        onnx.scalar(offValue, dtype),
      ]),
    ];
  },

  Sum: reduction('ReduceSum'),
  Mean: reduction('ReduceMean'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  All: reduction('ReduceMin'),
  Any: reduction('ReduceMax'),
  ArgMax: indexOfExtreme('ArgMax'),
  ArgMin: indexOfExtreme('ArgMin'),
  Cumsum(context, node) {
    const { axis, exclusive, reverse } = node.attributes as { axis: number; exclusive: boolean; reverse: boolean };
    const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
    return [context.onnx.op('CumSum', [context.full(input(node)), context.onnx.int64([axis])], attributes)];
  },
  Softmax: (context, node) => [context.onnx.op('Softmax', [context.full(input(node))], { axis: -1 })],
  BatchMatMul(context, node) {
    const { transposeA, transposeB } = node.attributes;
    const operands = node.inputs.map(context.full);
    if (!transposeA && !transposeB) return [context.onnx.op('MatMul', operands)];
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return [context.onnx.op('FusedMatMul', operands, attributes, undefined, 'com.microsoft')];
  },
  IncubateLayerNorm(context, node) {
    const names = node.outputs.map(() => context.onnx.fresh());
    const epsilon = { float: node.attributes.epsilon as number };
    context.onnx.ops('LayerNormalization', node.inputs.map(context.full), { axis: -1, epsilon }, names);
    return names;
  },
};

function castTo({ onnx, full }: LoweringContext, from: Value, to: Value): string {
  // tfjs truncates towards zero, and so does ONNX.
  return onnx.op('Cast', [full(from)], { to: elementTypes[to.dtype] });
}
