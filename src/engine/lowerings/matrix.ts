import type { Lowerings } from './lowering.ts';

export const matrix: Lowerings = {
  BatchMatMul(context, node) {
    const { transposeA, transposeB } = node.attributes;
    const operands = node.inputs.map(context.full);
    if (!transposeA && !transposeB) return [context.onnx.op('MatMul', operands)];
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return [context.onnx.op('FusedMatMul', operands, attributes, undefined, 'com.microsoft')];
  },
};
