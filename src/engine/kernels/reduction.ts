import type { Attributes, Value, ValueType } from '../graph.ts';
import { axesOf, axisOf, type Kernel, type Kernels, like, named, shaped } from './kernel.ts';

/** The axes that a node reduces; tfjs calls them differently for the maximum. */
export function reducedAxes({ axis, reductionIndices }: Attributes, rank: number): number[] {
  return axesOf(reductionIndices ?? axis, rank);
}

const reduction = (dtype?: (x: Value) => ValueType): Kernel =>
  shaped('x', (x, attributes) => {
    const axes = reducedAxes(attributes, x.shape.length);
    const shape = attributes.keepDims
      ? x.shape.map((extent, index) => (axes.includes(index) ? 1 : extent))
      : x.shape.filter((_, index) => !axes.includes(index));
    return { dtype: dtype?.(x) ?? x.dtype, shape };
  });

const indexOfExtreme: Kernel = shaped('x', (x, { axis }) => {
  const along = axisOf(axis, x.shape.length);
  return { dtype: 'int32', shape: x.shape.filter((_, index) => index !== along) };
});

/** Kernels that combine the elements along axes. */
export const reductions: Kernels = {
  Sum: reduction((x) => (x.dtype === 'bool' ? 'int32' : x.dtype)),
  Mean: reduction(() => 'float32'),
  ...named('Max Min Prod All Any', reduction()),
  ...named('ArgMax ArgMin', indexOfExtreme),
  Cumsum: shaped('x', (x) => like(x)),
  Softmax: shaped('logits', (x) => like(x)),
};
