import { blocks } from './blocks.ts';
import type { Compositions } from './composition.ts';
import { convolutions } from './convolution.ts';
import { crops } from './crop.ts';
import { einsum } from './einsum.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { indexing } from './indexing.ts';
import { mirrors } from './mirror-pad.ts';
import { normalisation } from './normalisation.ts';
import { pooling } from './pooling.ts';
import { resizes } from './resize.ts';
import { scans } from './scan.ts';

/** The compositions of each family. */
export const families = {
  elementwise,
  indexing,
  sequences: { ...scans, ...einsum },
  layout: { ...blocks, ...mirrors },
  convolutions,
  pooling,
  normalisation,
  images: { ...resizes, ...crops },
  fused,
} satisfies Readonly<Record<string, Compositions>>;

/**
 * Every kernel that is traced as other kernels, by tfjs' name. Adding one takes an entry in the file of its family here and
 * a case in test/unit/engine/cases/.
 */
export const compositions: Compositions = Object.assign({}, ...Object.values(families));
