import { backend_util } from '@tensorflow/tfjs-core';
import type { Value } from '../graph.ts';
import { check, type Kernels, sizeOfAll } from './kernel.ts';

/** Matrix products. */
export const matrix: Kernels = {
  BatchMatMul: {
    inputs: ['a', 'b'],
    infer([a, b], { transposeA, transposeB }) {
      const left = (a as Value).shape;
      const right = (b as Value).shape;
      const rows = left.at(transposeA ? -1 : -2) as number;
      const columns = right.at(transposeB ? -2 : -1) as number;
      const [inner, other] = [left.at(transposeA ? -2 : -1), right.at(transposeB ? -1 : -2)];
      check(inner === other, `inner extents ${inner} and ${other} differ`);
      const batch = backend_util.assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2));
      return [{ dtype: (a as Value).dtype, shape: [...batch, rows, columns] }];
    },
    flops([a], outputs, { transposeA }) {
      return 2 * sizeOfAll(outputs) * ((a as Value).shape.at(transposeA ? -2 : -1) as number);
    },
  },
};
