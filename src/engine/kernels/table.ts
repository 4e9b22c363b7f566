import { convolutions } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { indexing } from './indexing.ts';
import type { Kernels } from './kernel.ts';
import { layout } from './layout.ts';
import { matrix } from './matrix.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reduction.ts';

/**
 * Every kernel that can be traced, by tfjs' name. Adding one takes an entry in the file of its family here, one in the
 * file of the same name in `lowerings/`, and a case in test/unit/engine/cases/.
 */
export const kernels: Kernels = {
  ...elementwise,
  ...layout,
  ...reductions,
  ...matrix,
  ...convolutions,
  ...pooling,
  ...indexing,
  ...fused,
};
