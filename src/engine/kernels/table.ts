import { convolutions } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { indexing } from './indexing.ts';
import type { Kernels } from './kernel.ts';
import { layout } from './layout.ts';
import { matrix } from './matrix.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reduction.ts';

/** The kernels of each family. */
export const families = {
  elementwise,
  reductions,
  layout,
  indexing,
  matrix,
  convolutions,
  pooling,
  fused,
} satisfies Readonly<Record<string, Kernels>>;

/**
 * Every kernel that can be traced, by tfjs' name. Adding one takes an entry in the file of its family here, one in the
 * file of the same name in `lowerings/`, and a case in test/unit/engine/. `compositions/` has those that are traced as
 * others.
 */
export const kernels: Kernels = Object.assign({}, ...Object.values(families));
