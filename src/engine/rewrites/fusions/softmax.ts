import { reducedAxes } from '../../kernels/reduction.ts';
import { type Fusion, orders } from './matching.ts';

/** dy y - y Σ dy y over the last axis: FusedSoftmaxGrad of (dy, y). */
export const softmaxGrad: Fusion = (matching, node) => {
  if (node.kernel !== 'Sub') return undefined;
  const [product, rest] = node.inputs;
  for (const [sum, y] of orders(matching.producer(rest, 'Multiply'))) {
    const total = matching.producer(sum, 'Sum');
    if (!total || total.inputs[0]?.id !== product?.id || !total.attributes.keepDims) continue;
    const rank = y.shape.length;
    if (reducedAxes(total.attributes, rank).join() !== String(rank - 1)) continue;
    for (const [dy, other] of orders(matching.producer(product, 'Multiply'))) {
      if (other.id !== y.id || dy.shape.join() !== y.shape.join()) continue;
      return { kernel: 'FusedSoftmaxGrad', inputs: [dy, y], attributes: {}, outputs: node.outputs };
    }
  }
  return undefined;
};
