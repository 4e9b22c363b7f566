import type { Value, ValueType } from '../graph.ts';
import { broadcastShape, type Kernel, type Kernels, like, named, noFlops } from './kernel.ts';

const unary = (dtype?: ValueType): Kernel => ({
  inputs: ['x'],
  elementwise: true,
  infer: ([x]) => [like(x as Value, dtype)],
});
const binary = (dtype?: ValueType, inputs: readonly string[] = ['a', 'b']): Kernel => ({
  inputs,
  elementwise: true,
  infer: (operands) => [{ dtype: dtype ?? (operands[0] as Value).dtype, shape: broadcastShape(operands) }],
});

/** Kernels whose result at an element depends on their inputs at that element only. */
export const elementwise: Kernels = {
  ...named('Add Sub Multiply RealDiv FloorDiv Maximum Minimum Pow SquaredDifference Mod', binary()),
  ...named('Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr', binary('bool')),
  ...named('Sqrt Rsqrt Square Expm1 Log Log1p Neg Abs Sign Floor Ceil Round Reciprocal', unary()),
  ...named('Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Erf', unary()),
  ...named('Sigmoid Relu Relu6 Elu Selu Softplus Step ClipByValue', unary()),
  ...named('LogicalNot IsNan IsFinite IsInf', unary('bool')),
  ...named('Exp LeakyRelu', unary('float32')),
  Prelu: binary('float32', ['x', 'alpha']),
  EluGrad: binary(undefined, ['dy', 'y']),
  AddN: { inputs: 'list', elementwise: true, infer: (inputs) => [like(inputs[0] as Value)] },
  Select: {
    inputs: ['condition', 't', 'e'],
    elementwise: true,
    infer: (inputs) => [{ dtype: (inputs[1] as Value).dtype, shape: broadcastShape(inputs) }],
  },
  Cast: {
    ...unary(),
    infer: ([x], { dtype }) => [like(x as Value, dtype as ValueType)],
    flops: noFlops,
  },
};
