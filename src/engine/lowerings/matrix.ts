import type { LoweringContext } from '../onnx-builder.ts';
import type { Lowerings } from './lowering.ts';

export const matrix: Lowerings = {
  BatchMatMul(context, node) {
    const { transposeA, transposeB } = node.attributes;
    const operands = node.inputs.map(context.full);
    if (!transposeA && !transposeB) return [context.onnx.op('MatMul', operands)];
    if (context.provider.lacks.has('FusedMatMul')) {
      const flags = [transposeA, transposeB];
      const matrices = node.inputs.map(({ shape }, index) =>
        flags[index] ? transposed(context, operands[index] as string, shape.length) : (operands[index] as string),
      );
      return [context.onnx.op('MatMul', matrices)];
    }
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return [context.onnx.op('FusedMatMul', operands, attributes, undefined, 'com.microsoft')];
  },
};

/** A tensor with its last two axes exchanged. */
function transposed({ onnx }: LoweringContext, name: string, rank: number): string {
  const axes = [...Array(rank).keys()];
  return onnx.op('Transpose', [name], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] });
}
