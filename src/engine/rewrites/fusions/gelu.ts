import type { Value } from '../../graph.ts';
import { type Fusion, isNear, type Matching, orders, scaled } from './matching.ts';

/** dy times the slope of x Φ(x) as `ops.ts` writes it: FusedGeluGrad of (dy, x). */
export const geluGrad: Fusion = (matching, node) => {
  if (node.kernel !== 'Multiply') return undefined;
  for (const [dy, slope] of orders(node)) {
    for (const [phi, rest] of orders(matching.producer(slope, 'Add'))) {
      const x = argumentOfPhi(matching, phi);
      if (!x) continue;
      const isSlope = orders(matching.producer(rest, 'Multiply')).some(
        ([factor, density]) => factor.id === x.id && isDensity(matching, density, x),
      );
      if (isSlope) return { kernel: 'FusedGeluGrad', inputs: [dy, x], attributes: {}, outputs: node.outputs };
    }
  }
  return undefined;
};

/** The x of erf(x / √2) / 2 + 1 / 2. */
function argumentOfPhi(matching: Matching, phi: Value): Value | undefined {
  for (const [half, number] of orders(matching.producer(phi, 'Add'))) {
    const error = scaled(matching, half);
    if (!isNear(matching.element(number), 0.5) || !isNear(error?.factor, 0.5)) continue;
    const inside = scaled(matching, matching.producer(error?.x, 'Erf')?.inputs[0]);
    if (isNear(inside?.factor, Math.SQRT1_2)) return inside?.x;
  }
  return undefined;
}

/** Whether a value is exp(-x² / 2) / √(2π). */
function isDensity(matching: Matching, value: Value, x: Value): boolean {
  const density = scaled(matching, value);
  const exponent = scaled(matching, matching.producer(density?.x, 'Exp')?.inputs[0]);
  const squared = matching.producer(exponent?.x, 'Square')?.inputs[0];
  return isNear(density?.factor, 1 / Math.sqrt(2 * Math.PI)) && isNear(exponent?.factor, -0.5) && squared?.id === x.id;
}
