import type { Node, Value } from '../../graph.ts';
import { axesOf } from '../../kernels/kernel.ts';
import { reducedAxes } from '../../kernels/reduction.ts';
import { type Fusion, type Matching, orders } from './matching.ts';

/**
 * Gradients of a layer normalisation as `ops.ts` writes them: FusedLayerNormGrad of (dy, x, mean, inverse, gain) with
 * those by x, and by gain and bias where they are computed (`byGain`, `byBias`).
 */
export const layerNormGrad: Fusion = (matching, node) => {
  if (node.kernel !== 'Multiply') return undefined;
  for (const [difference, inverse] of orders(node)) {
    const outer = matching.producer(difference, 'Sub');
    const [centred, tilt] = outer?.inputs ?? [];
    const inner = matching.producer(centred, 'Sub');
    const [dUnit, shift] = inner?.inputs ?? [];
    if (!dUnit || !isMeanOf(matching, shift, dUnit)) continue;
    const unit = unitIn(matching, tilt, dUnit);
    const source = unit && sourceOf(matching, unit, inverse);
    if (!unit || !source) continue;
    for (const [dy, gain] of orders(matching.producer(dUnit, 'Multiply'))) {
      if (gain.id !== source.gain.id) continue;
      const product = matching
        .consumers(dy, 'Multiply')
        .find(({ inputs }) => inputs.some(({ id }) => id === unit.id) && inputs.some(({ id }) => id === dy.id));
      const byGain = product && leadingSum(matching, product.outputs[0] as Value);
      const byBias = leadingSum(matching, dy);
      return {
        kernel: 'FusedLayerNormGrad',
        inputs: [dy, source.x, source.mean, inverse, gain],
        attributes: { byGain: byGain !== undefined, byBias: byBias !== undefined },
        outputs: [...node.outputs, ...(byGain?.outputs ?? []), ...(byBias?.outputs ?? [])],
      };
    }
  }
  return undefined;
};

function isMeanOf(matching: Matching, value: Value | undefined, x: Value): boolean {
  const mean = matching.producer(value, 'Mean');
  const last = String(x.shape.length - 1);
  return (
    mean?.inputs[0]?.id === x.id &&
    mean.attributes.keepDims === true &&
    reducedAxes(mean.attributes, x.shape.length).join() === last
  );
}

/** The u of u times the mean of d u. */
function unitIn(matching: Matching, tilt: Value | undefined, d: Value): Value | undefined {
  for (const [unit, mean] of orders(matching.producer(tilt, 'Multiply'))) {
    const product = matching.producer(matching.producer(mean, 'Mean')?.inputs[0], 'Multiply');
    const ids = product?.inputs.map(({ id }) => id) ?? [];
    const isProduct = ids.includes(unit.id) && ids.includes(d.id);
    if (isProduct && isMeanOf(matching, mean, product?.outputs[0] as Value)) return unit;
  }
  return undefined;
}

/** What was normalised to (x - mean) inverse, where the statistics are those of a layer normalisation. */
function sourceOf(matching: Matching, unit: Value, inverse: Value) {
  const norm = matching.producer(inverse, 'IncubateLayerNorm');
  const [x, gain] = norm?.inputs ?? [];
  const [, mean, deviation] = norm?.outputs ?? [];
  if (!x || !gain || !mean || deviation?.id !== inverse.id) return undefined;
  for (const [centred, factor] of orders(matching.producer(unit, 'Multiply'))) {
    const operands = matching.producer(centred, 'Sub')?.inputs;
    if (factor.id === inverse.id && operands?.[0]?.id === x.id && operands[1]?.id === mean.id) return { x, gain, mean };
  }
  return undefined;
}

/** The node that sums a value over all axes but the last. */
function leadingSum(matching: Matching, value: Value): Node | undefined {
  const leading = axesOf(undefined, value.shape.length).slice(0, -1).join();
  return matching
    .consumers(value, 'Sum')
    .find(({ attributes }) => !attributes.keepDims && reducedAxes(attributes, value.shape.length).join() === leading);
}
