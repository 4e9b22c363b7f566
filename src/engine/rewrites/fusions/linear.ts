import type { Fusion } from './matching.ts';
import { orders } from './matching.ts';

/** A product of matrices plus a vector: FusedLinear of (x, weight, bias). */
export const linear: Fusion = (matching, node) => {
  const [output] = node.outputs;
  if (node.kernel !== 'Add' || !output) return undefined;
  for (const [sum, bias] of orders(node)) {
    const product = matching.producer(sum, 'BatchMatMul');
    const [x, weight] = product?.inputs ?? [];
    if (!product || !x || !weight || matching.uses(sum) !== 1) continue;
    const isVector = bias.shape.length === 1 && bias.shape[0] === output.shape.at(-1);
    const isPlain = x.shape.length === 2 && weight.shape.length === 2;
    if (!isVector || !isPlain || bias.dtype !== x.dtype || weight.dtype !== x.dtype) continue;
    return { kernel: 'FusedLinear', inputs: [x, weight, bias], attributes: product.attributes, outputs: [output] };
  }
  return undefined;
};
