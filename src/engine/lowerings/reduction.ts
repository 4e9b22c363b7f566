import { axisOf } from '../kernels/kernel.ts';
import { reducedAxes } from '../kernels/reduction.ts';
import { cast, inputOf, type Lowering, type Lowerings, only } from './lowering.ts';

const reduction =
  (type: string): Lowering =>
  (context, node) => {
    const { onnx } = context;
    const x = inputOf(node);
    const { dtype } = only(node);
    const axes = reducedAxes(node.attributes, x.shape.length);
    // Booleans are reduced as integers; a mean is one of floating-point numbers.
    const computed = dtype === 'bool' ? 'int32' : dtype;
    let name = context.full(x);
    if (x.dtype !== computed) name = cast(context, name, computed);
    for (const step of stepsOf(axes, x.shape.length))
      name = onnx.op(type, [name, onnx.int64(step)], { keepdims: node.attributes.keepDims ? 1 : 0 });
    return [dtype === computed ? name : cast(context, name, dtype)];
  };

/**
 * Leading axes are reduced in two steps. Threads of one step share out the columns of a tall matrix and write to the same
 * cache lines: the sum of [64, 32, 32, 16] over all but the last axis takes 3.3 ms on two threads, in two steps 0.06 ms.
 */
function stepsOf(axes: readonly number[], rank: number): readonly (readonly number[])[] {
  const isLeading = axes.length > 1 && axes.length < rank && axes.every((axis, index) => axis === index);
  return isLeading ? [axes.slice(1), [0]] : axes.length > 0 ? [axes] : [];
}

const indexOfExtreme =
  (type: string): Lowering =>
  (context, node) => {
    const x = inputOf(node);
    const axis = axisOf(node.attributes.axis, x.shape.length);
    const index = context.onnx.op(type, [context.full(x)], { axis, keepdims: 0 });
    return [cast(context, index, 'int32')];
  };

export const reductions: Lowerings = {
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
    return [context.onnx.op('CumSum', [context.full(inputOf(node)), context.onnx.int64([axis])], attributes)];
  },
  Softmax: (context, node) => [context.onnx.op('Softmax', [context.full(inputOf(node))], { axis: -1 })],
};
