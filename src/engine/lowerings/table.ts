import { convolutions } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { indexing } from './indexing.ts';
import { layout } from './layout.ts';
import type { Lowerings } from './lowering.ts';
import { matrix } from './matrix.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reduction.ts';

/** How every kernel is expressed in ONNX operators; the counterpart of `kernels/table.ts`. */
export const lowerings: Lowerings = {
  ...elementwise,
  ...layout,
  ...reductions,
  ...matrix,
  ...convolutions,
  ...pooling,
  ...indexing,
  ...fused,
};
