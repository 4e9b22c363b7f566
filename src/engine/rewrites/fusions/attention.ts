import { isReduced, type Node, type Value } from '../../graph.ts';
import { type Fusion, type Matching, scaled } from './matching.ts';

/**
 * softmax(scale q kᵀ) v: FusedAttention of (q, k, v), each [B, H, N, D], with the result and the softmax. In types of 16 bits
 * the softmax is of float32 and cast to and from there, which is what kernels of these types do within.
 */
export const attention: Fusion = (matching, node) => {
  if (!isProduct(node, false, false)) return undefined;
  const [weights, value] = node.inputs as [Value, Value];
  const softmax = matching.producer(beforeCast(matching, weights), 'Softmax');
  const scores = matching.producer(beforeCast(matching, softmax?.inputs[0]), 'BatchMatMul');
  const [given, key] = scores?.inputs ?? [];
  const query = scaled(matching, given);
  if (!scores || !key || !query || !isProduct(scores, false, true)) return undefined;
  if (matching.uses(scores.outputs[0] as Value) !== 1) return undefined;
  const operands = [query.x, key, value];
  const { dtype } = weights;
  if (dtype !== 'float32' && !isReduced(dtype)) return undefined;
  if (!operands.every((operand) => operand.shape.length === 4 && operand.dtype === dtype)) return undefined;
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
  const [byWeights, read] = node.inputs as [Value, Value];
  const dWeights = beforeCast(matching, byWeights) ?? byWeights;
  const weights = matching.uses(read) === 1 ? (matching.producer(read, 'Cast')?.inputs[0] ?? read) : read;
  const dScores = afterCast(matching, node.outputs[0] as Value);
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

/** What a value was cast from, if nothing else reads that nor it; the value itself where it is no cast. */
function beforeCast(matching: Matching, value: Value | undefined): Value | undefined {
  const [given] = matching.producer(value, 'Cast')?.inputs ?? [];
  return value && given && matching.uses(given) === 1 && isFloat(given) && isFloat(value) ? given : value;
}

/** What a value is cast to, if nothing else is done with it; the value itself otherwise. */
function afterCast(matching: Matching, value: Value): Value {
  const [cast] = matching.consumers(value, 'Cast');
  const given = cast?.outputs[0];
  return given && matching.uses(value) === 1 && isFloat(given) ? given : value;
}

const isFloat = ({ dtype }: Value) => dtype === 'float32' || isReduced(dtype);

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
