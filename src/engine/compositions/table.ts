import { blocks } from './blocks.ts';
import type { Compositions } from './composition.ts';
import { convolutions } from './convolution.ts';
import { pooling } from './pooling.ts';

/**
 * Every kernel that is traced as other kernels, by tfjs' name. Adding one takes an entry in the file of its family here and
 * a case in test/unit/engine/cases/.
 */
export const compositions: Compositions = {
  ...blocks,
  ...convolutions,
  ...pooling,
};
