import { blocks } from './blocks.ts';
import { convolutions } from './convolution.ts';
import type { Gradients } from './gradient.ts';
import { pooling } from './pooling.ts';

/** Gradients of ours: of kernels for which tfjs has none, or one that is wrong or covers less. */
export const gradients: Gradients = {
  ...blocks,
  ...convolutions,
  ...pooling,
};
