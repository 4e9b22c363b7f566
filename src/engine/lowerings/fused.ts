import type { Value } from '../graph.ts';
import { inputOf, type Lowerings } from './lowering.ts';

export const fused: Lowerings = {
  /** ONNX has no control dependencies: nothing of the others is appended to the first. */
  IncubateAfter({ onnx, full }, { inputs }) {
    const [x, ...others] = inputs as [Value, ...Value[]];
    const [, ...inner] = x.shape;
    const nothing = others.map((other) => {
      const zero = onnx.int64([0]);
      const flat = onnx.op('Reshape', [full(other), onnx.int64([-1])]);
      return onnx.op('Reshape', [onnx.op('Slice', [flat, zero, zero]), onnx.int64([0, ...inner])], { allowzero: 1 });
    });
    return [onnx.op('Concat', [full(x), ...nothing], { axis: 0 })];
  },
  IncubateGelu: (context, node) => [context.onnx.op('Gelu', [context.full(inputOf(node))])],
  IncubateLayerNorm(context, node) {
    const names = node.outputs.map(() => context.onnx.fresh());
    const epsilon = { float: node.attributes.epsilon as number };
    context.onnx.ops('LayerNormalization', node.inputs.map(context.full), { axis: -1, epsilon }, names);
    return names;
  },
};
