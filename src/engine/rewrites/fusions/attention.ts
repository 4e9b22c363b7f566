import type { Node, Value } from '../../graph.ts';
import { type Fusion, type Matching, scaled } from './matching.ts';

/** softmax(scale q kᵀ) v: FusedAttention of (q, k, v), each [B, H, N, D], with the result and the softmax. */
export const attention: Fusion = (matching, node) => {
  if (!isProduct(node, false, false)) return undefined;
  const [weights, value] = node.inputs as [Value, Value];
  const scores = matching.producer(matching.producer(weights, 'Softmax')?.inputs[0], 'BatchMatMul');
  const [given, key] = scores?.inputs ?? [];
  const query = scaled(matching, given);
  if (!scores || !key || !query || !isProduct(scores, false, true)) return undefined;
  if (matching.uses(scores.outputs[0] as Value) !== 1) return undefined;
  const operands = [query.x, key, value];
  if (!operands.every(({ shape, dtype }) => shape.length === 4 && dtype === 'float32')) return undefined;
  if (new Set(operands.map(({ shape }) => shape.slice(0, 2).join())).size > 1) return undefined;
  return {
    kernel: 'FusedAttention',
    inputs: operands,
    attributes: { scale: query.factor },
    outputs: [...node.outputs, weights],
  };
};

/** Its gradients by q, k and v: FusedAttentionGrad of (dy, softmax, q, k, v, the result). */
export const attentionGrad: Fusion = (matching, node) => {
  if (node.kernel !== 'FusedSoftmaxGrad') return undefined;
  const [dWeights, weights] = node.inputs as [Value, Value];
  const [dScores] = node.outputs as [Value];
  const forward = matching.producer(weights, 'FusedAttention');
  const product = matching.producer(dWeights, 'BatchMatMul');
  if (!forward || forward.outputs[1]?.id !== weights.id || !product || !isProduct(product, false, true))
    return undefined;
  const [query, key, value] = forward.inputs as [Value, Value, Value];
  const [dy, other] = product.inputs as [Value, Value];
  if (other.id !== value.id || matching.uses(dWeights) !== 1 || matching.uses(dScores) !== 2) return undefined;
  const { scale } = forward.attributes;
  const unscaled = productOf(matching, dScores, key, false);
  const byQuery =
    unscaled &&
    matching.consumers(unscaled, 'Multiply').find((one) => scaled(matching, one.outputs[0])?.factor === scale);
  const isQuery = (x: Value) => {
    const found = scaled(matching, x);
    return found?.x.id === query.id && found.factor === scale;
  };
  const byKey = matching
    .consumers(dScores, 'BatchMatMul')
    .find((one) => isProduct(one, true, false) && one.inputs[0]?.id === dScores.id && isQuery(one.inputs[1] as Value));
  const byValue = productOf(matching, weights, dy, true);
  if (!byQuery || !byKey || !byValue || matching.uses(unscaled) !== 1) return undefined;
  return {
    kernel: 'FusedAttentionGrad',
    inputs: [dy, weights, query, key, value, forward.outputs[0] as Value],
    attributes: { scale },
    outputs: [byQuery.outputs[0] as Value, byKey.outputs[0] as Value, byValue],
  };
};

function isProduct({ kernel, attributes }: Node, transposeA: boolean, transposeB: boolean): boolean {
  return kernel === 'BatchMatMul' && !attributes.transposeA === !transposeA && !attributes.transposeB === !transposeB;
}

/** The product of two values, the first transposed or not. */
function productOf(matching: Matching, a: Value, b: Value, transposeA: boolean): Value | undefined {
  return matching
    .consumers(a, 'BatchMatMul')
    .find((node) => isProduct(node, transposeA, false) && node.inputs[0]?.id === a.id && node.inputs[1]?.id === b.id)
    ?.outputs[0];
}
