import { inputOf, type Lowerings } from './lowering.ts';

export const fused: Lowerings = {
  IncubateGelu: (context, node) => [context.onnx.op('Gelu', [context.full(inputOf(node))])],
  IncubateLayerNorm(context, node) {
    const names = node.outputs.map(() => context.onnx.fresh());
    const epsilon = { float: node.attributes.epsilon as number };
    context.onnx.ops('LayerNormalization', node.inputs.map(context.full), { axis: -1, epsilon }, names);
    return names;
  },
};
