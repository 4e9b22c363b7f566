import { blocks } from './blocks.ts';
import { convolutions } from './convolution.ts';
import { crops } from './crop.ts';
import { einsum } from './einsum.ts';
import { elementwise } from './elementwise.ts';
import type { Gradients } from './gradient.ts';
import { indexing } from './indexing.ts';
import { mirrors } from './mirror-pad.ts';
import { normalisation } from './normalisation.ts';
import { pooling } from './pooling.ts';
import { resizes } from './resize.ts';
import { scans } from './scan.ts';
import { slicing } from './slicing.ts';

/** Gradients of ours: of kernels for which tfjs has none, or one that is wrong, covers less or takes more passes. */
export const gradients: Gradients = {
  ...blocks,
  ...convolutions,
  ...crops,
  ...einsum,
  ...elementwise,
  ...indexing,
  ...mirrors,
  ...normalisation,
  ...pooling,
  ...resizes,
  ...scans,
  ...slicing,
};
