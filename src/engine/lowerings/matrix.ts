import type { Node } from '../graph.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import type { Lowerings } from './lowering.ts';

export const matrix: Lowerings = {
  BatchMatMul(context, node) {
    const { transposeA, transposeB } = node.attributes;
    const operands = node.inputs.map(context.full);
    if (!transposeA && !transposeB) return [context.onnx.op('MatMul', operands)];
    if (context.provider.lacks.has('FusedMatMul') || node.inputs.some(({ dtype }) => dtype === 'int32')) {
      const flags = [transposeA, transposeB];
      const matrices = node.inputs.map(({ shape }, index) =>
        flags[index] ? transposed(context, operands[index] as string, shape.length) : (operands[index] as string),
      );
      return [context.onnx.op('MatMul', matrices)];
    }
    if (transposeA && !transposeB && isLongSum(node)) return [longSum(context, node, operands as [string, string])];
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return [context.onnx.op('FusedMatMul', operands, attributes, undefined, 'com.microsoft')];
  },
};

/** Terms of a sum, and extents of a product, from which on its transposed operand is better transposed as a whole. */
const LONG = 1024;
const WIDE = 128;

/** Whether a product is one of two matrices with many rows, as the gradient of a weight is. */
function isLongSum({ inputs }: Node): boolean {
  return inputs.every(
    ({ shape }) => shape.length === 2 && (shape[0] as number) >= LONG && (shape[1] as number) >= WIDE,
  );
}

/**
 * aᵀ b of [K, m] and [K, n]. ONNX Runtime's kernel transposes `a` anew for every few columns of the result; here the
 * narrower operand is transposed once, and the small result if need be.
 */
function longSum(context: LoweringContext, { inputs: [a, b] }: Node, [left, right]: readonly [string, string]): string {
  const { onnx } = context;
  if ((a?.shape[1] as number) <= (b?.shape[1] as number))
    return onnx.op('MatMul', [transposed(context, left, 2), right]);
  return transposed(context, onnx.op('MatMul', [transposed(context, right, 2), left]), 2);
}

/** A tensor with its last two axes exchanged. */
function transposed({ onnx }: LoweringContext, name: string, rank: number): string {
  const axes = [...Array(rank).keys()];
  return onnx.op('Transpose', [name], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] });
}
