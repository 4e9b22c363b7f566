import type { Attributes, Node, ValueType } from '../graph.ts';
import type { AttributeValues, LoweringContext } from '../onnx-builder.ts';
import { cast, expanded, inputOf, type Lowering, type Lowerings, only } from './lowering.ts';

const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

/** An operator that broadcasts its operands, followed by operators on its result. */
const broadcasting =
  (type: string, ...more: readonly string[]): Lowering =>
  (context, node) => {
    let name = context.onnx.op(type, node.inputs.map(context.loose));
    for (const next of more) name = context.onnx.op(next, [name]);
    return [expanded(context, node, name)];
  };

/** A composition of operators on two operands, which may be scalars. */
const combination =
  (build: (context: LoweringContext, a: string, b: string, node: Node) => string): Lowering =>
  (context, node) => {
    const [a, b] = node.inputs.map(context.loose) as [string, string];
    return [expanded(context, node, build(context, a, b, node))];
  };

const unary =
  (type: string, attributes: (node: Node) => AttributeValues = () => ({})): Lowering =>
  (context, node) => [context.onnx.op(type, [context.full(inputOf(node))], attributes(node))];

/** A composition of operators on one operand. */
const formula =
  (
    build: (
      context: LoweringContext,
      x: string,
      scalar: (value: number) => string,
      attributes: Attributes,
      dtype: ValueType,
    ) => string,
  ): Lowering =>
  (context, node) => {
    const { dtype } = inputOf(node);
    const scalar = (value: number) => context.onnx.scalar(value, dtype);
    return [build(context, context.full(inputOf(node)), scalar, node.attributes, dtype)];
  };

/** An operand as a number of the result's type. */
function asResult(context: LoweringContext, node: Node, index = 0): string {
  const [{ dtype }, name] = [inputOf(node, index), context.loose(inputOf(node, index))];
  return dtype === only(node).dtype ? name : cast(context, name, only(node).dtype);
}

/** Integers are whole already. */
const rounding =
  (type: string): Lowering =>
  (context, node) => {
    const x = inputOf(node);
    return [x.dtype === 'int32' ? context.full(x) : context.onnx.op(type, [context.full(x)])];
  };

const sameName =
  'Sqrt Log Neg Abs Reciprocal Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Sigmoid Relu Elu Selu Softplus';

export const elementwise: Lowerings = {
  ...Object.fromEntries(sameName.split(' ').map((name) => [name, unary(name)])),
  Floor: rounding('Floor'),
  Ceil: rounding('Ceil'),
  Round: rounding('Round'),
  Exp: (context, node) => [context.onnx.op('Exp', [asResult(context, node)])],
  LeakyRelu(context, node) {
    const alpha = { float: node.attributes.alpha as number };
    return [context.onnx.op('LeakyRelu', [asResult(context, node)], { alpha })];
  },
  /** Zero for what is no number. */
  Sign(context, node) {
    const { dtype } = inputOf(node);
    const operands = [context.full(inputOf(node)), context.onnx.scalar(0, dtype)];
    const is = (type: string) => cast(context, context.onnx.op(type, operands), dtype);
    return [context.onnx.op('Sub', [is('Greater'), is('Less')])];
  },
  Add: broadcasting('Add'),
  Sub: broadcasting('Sub'),
  Multiply: broadcasting('Mul'),
  RealDiv: broadcasting('Div'),
  Maximum: broadcasting('Max'),
  Minimum: broadcasting('Min'),
  Pow: broadcasting('Pow'),
  Equal: broadcasting('Equal'),
  NotEqual: broadcasting('Equal', 'Not'),
  Greater: broadcasting('Greater'),
  GreaterEqual: broadcasting('GreaterOrEqual'),
  Less: broadcasting('Less'),
  LessEqual: broadcasting('LessOrEqual'),
  LogicalAnd: broadcasting('And'),
  LogicalOr(context, node) {
    if (!context.provider.lacks.has('Or')) return broadcasting('Or')(context, node);
    const neither = node.inputs.map((value) => context.onnx.op('Not', [context.loose(value)]));
    return [expanded(context, node, context.onnx.op('Not', [context.onnx.op('And', neither)]))];
  },
  LogicalNot: unary('Not'),
  FloorDiv: combination((context, a, b, node) => {
    const operands = [a, b].map((name) => cast(context, name, 'float32'));
    return cast(context, context.onnx.op('Floor', [context.onnx.op('Div', operands)]), only(node).dtype);
  }),
  SquaredDifference: combination(({ onnx }, a, b) => {
    const difference = onnx.op('Sub', [a, b]);
    return onnx.op('Mul', [difference, difference]);
  }),
  // The remainder has the divisor's sign, as in Python.
  Mod: combination(({ onnx }, a, b, node) => {
    if (only(node).dtype === 'int32') return onnx.op('Mod', [a, b]);
    const whole = onnx.op('Floor', [onnx.op('Div', [a, b])]);
    return onnx.op('Sub', [a, onnx.op('Mul', [whole, b])]);
  }),
  Prelu(context, node) {
    const { onnx } = context;
    const [x, alpha] = [asResult(context, node), asResult(context, node, 1)];
    const below = onnx.op('Less', [x, onnx.scalar(0, only(node).dtype)]);
    return [expanded(context, node, onnx.op('Where', [below, onnx.op('Mul', [x, alpha]), x]))];
  },
  EluGrad: combination(({ onnx }, dy, y) => {
    const slope = onnx.op('Min', [onnx.op('Add', [y, onnx.scalar(1, 'float32')]), onnx.scalar(1, 'float32')]);
    return onnx.op('Mul', [dy, slope]);
  }),
  Select(context, node) {
    const { onnx } = context;
    if (only(node).dtype !== 'bool') return broadcasting('Where')(context, node);
    // ONNX Runtime selects no booleans.
    const [condition, ...choices] = node.inputs.map(context.loose) as [string, string, string];
    const selected = onnx.op('Where', [condition, ...choices.map((name) => cast(context, name, 'int32'))]);
    return [expanded(context, node, cast(context, selected, 'bool'))];
  },
  AddN(context, node) {
    const names = node.inputs.map(context.full);
    return [names.slice(1).reduce((sum, name) => context.onnx.op('Add', [sum, name]), names[0] as string)];
  },
  Rsqrt: formula(({ onnx }, x) => onnx.op('Reciprocal', [onnx.op('Sqrt', [x])])),
  Square: formula(({ onnx }, x) => onnx.op('Mul', [x, x])),
  Expm1: formula(({ onnx }, x, scalar) => onnx.op('Sub', [onnx.op('Exp', [x]), scalar(1)])),
  Log1p: formula(({ onnx }, x, scalar) => onnx.op('Log', [onnx.op('Add', [x, scalar(1)])])),
  Relu6: formula(({ onnx }, x, scalar) => onnx.op('Clip', [x, scalar(0), scalar(6)])),
  Step: formula(({ onnx, provider }, x, scalar, { alpha }, dtype) => {
    const below = scalar((alpha as number | undefined) ?? 0);
    const step = onnx.op('Where', [onnx.op('Greater', [x, scalar(0)]), scalar(1), below]);
    if (dtype === 'int32') return step;
    // Where drivers take every number for equal to itself, the step of one that is none is the one below zero.
    if (provider.lacks.has('IsNaN')) return onnx.op('Where', [onnx.op('Equal', [x, x]), step, x]);
    return onnx.op('Where', [onnx.op('IsNaN', [x]), x, step]);
  }),
  ClipByValue: formula(({ onnx }, x, scalar, { clipValueMin, clipValueMax }) =>
    onnx.op('Clip', [x, scalar(clipValueMin as number), scalar(clipValueMax as number)]),
  ),
  IsNan: unary('IsNaN'),
  IsInf: unary('IsInf'),
  // By operators that every provider has. Compilers that take all numbers for finite do not know what they compare with.
  IsFinite(context, node) {
    const x = inputOf(node);
    const numbers = x.dtype === 'float32' ? context.full(x) : cast(context, context.full(x), 'float32');
    const magnitude = context.onnx.op('Abs', [numbers]);
    return [context.onnx.op('LessOrEqual', [magnitude, context.onnx.scalar(LARGEST_FLOAT32, 'float32')])];
  },
  // Both tfjs and ONNX truncate towards zero.
  Cast: (context, node) => [cast(context, context.full(inputOf(node)), only(node).dtype)],
};
