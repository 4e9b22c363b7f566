import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { indexing } from './indexing.ts';
import { layout } from './layout.ts';
import type { TorchLowerings } from './lowering.ts';
import { matrix } from './matrix.ts';
import { reductions } from './reduction.ts';
import { rewritten } from './rewritten.ts';
import { windows } from './windows.ts';

/** How every kernel is expressed in the addon's operations; the counterpart of `kernels/table.ts`, and
 * those that `rewrites/fuse.ts` makes. */
export const torchLowerings: TorchLowerings = {
  ...elementwise,
  ...layout,
  ...reductions,
  ...matrix,
  ...windows,
  ...indexing,
  ...fused,
  ...rewritten,
};
