import { inputOf, operation, type TorchLowerings } from './lowering.ts';

export const fused: TorchLowerings = {
  /** Instructions run in the order of the graph, so the others have been computed. */
  IncubateAfter: ({ code, slot }, node) => [code.op('alias', [slot(inputOf(node))])],
  IncubateGelu: operation('gelu'),
  IncubateLayerNorm: operation('layer_norm', ({ attributes }) => [attributes.epsilon as number]),
};
