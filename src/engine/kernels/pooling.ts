import type { Value } from '../graph.ts';
import { poolingOf } from './geometry.ts';
import { type Kernels, named, shaped } from './kernel.ts';

/** Pooling of images; `compositions/pooling.ts` has the gradients. */
export const pooling: Kernels = named(
  'AvgPool MaxPool',
  shaped('x', ({ dtype, shape }: Value, attributes) => ({ dtype, shape: poolingOf(shape, attributes).outShape })),
);
