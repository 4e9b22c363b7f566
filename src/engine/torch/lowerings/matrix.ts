import { operation, type TorchLowerings } from './lowering.ts';

export const matrix: TorchLowerings = {
  BatchMatMul: operation('matmul', ({ attributes: { transposeA, transposeB } }) => [
    transposeA ? 1 : 0,
    transposeB ? 1 : 0,
  ]),
};
