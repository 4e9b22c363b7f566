import type { Node } from '../../graph.ts';
import { typeNumbers } from '../code.ts';
import { cast, only, operation, operations, type TorchLowering, type TorchLowerings } from './lowering.ts';

/** An operation on floating-point numbers, which integers become before. */
const ofFloats =
  (name: string, given: (node: Node) => readonly number[] = () => []): TorchLowering =>
  (context, node) => {
    const operands = node.inputs.map((value) => {
      const slot = context.slot(value);
      return value.dtype === only(node).dtype ? slot : cast(context, slot, only(node).dtype);
    });
    return [context.code.op(name, operands, given(node))];
  };

export const elementwise: TorchLowerings = {
  ...operations('Add:add Sub:sub Multiply:mul RealDiv:div FloorDiv:floor_div Maximum:maximum Minimum:minimum Pow:pow'),
  ...operations('SquaredDifference:squared_difference Mod:remainder EluGrad:elu_grad Select:where'),
  ...operations('Equal:eq NotEqual:ne Greater:gt GreaterEqual:ge Less:lt LessEqual:le LogicalAnd:and LogicalOr:or'),
  ...operations('Sqrt:sqrt Rsqrt:rsqrt Square:square Expm1:expm1 Log:log Log1p:log1p Neg:neg Abs:abs'),
  ...operations('Sign:sign Floor:floor Ceil:ceil Round:round Reciprocal:reciprocal Erf:erf LogicalNot:not'),
  ...operations('Sin:sin Cos:cos Tan:tan Asin:asin Acos:acos Atan:atan Sinh:sinh Cosh:cosh Tanh:tanh'),
  ...operations('Asinh:asinh Acosh:acosh Atanh:atanh Sigmoid:sigmoid Relu:relu Elu:elu Selu:selu Softplus:softplus'),
  ...operations('IsNan:is_nan IsInf:is_inf IsFinite:is_finite AddN:add_n'),
  Relu6: operation('clamp', () => [0, 6]),
  Exp: ofFloats('exp'),
  Prelu: ofFloats('prelu'),
  LeakyRelu: ofFloats('leaky_relu', ({ attributes }) => [attributes.alpha as number]),
  Step: operation('step', ({ attributes }) => [(attributes.alpha as number | undefined) ?? 0]),
  ClipByValue: operation('clamp', ({ attributes }) => [
    attributes.clipValueMin as number,
    attributes.clipValueMax as number,
  ]),
  Cast: operation('cast', (node) => [typeNumbers[only(node).dtype]]),
};
