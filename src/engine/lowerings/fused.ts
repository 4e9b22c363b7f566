import { sizeOf } from '../../util/tensor.ts';
import type { Value } from '../graph.ts';
import { blockedShape } from './blocks.ts';
import { inputOf, type Lowerings } from './lowering.ts';

export const fused: Lowerings = {
  /**
   * ONNX has no control dependencies: nothing of the others is appended to the first, or an element that is cut off again
   * where a provider takes no empty tensors.
   */
  IncubateAfter(context, { inputs }) {
    const { onnx, full, provider, inBlocks, blocks } = context;
    const [x, ...others] = inputs as [Value, ...Value[]];
    const [zero, one, all] = [onnx.int64([0]), onnx.int64([1]), onnx.int64([-1])];
    const named = (value: Value) => (inBlocks(value) ? blocks(value) : full(value));
    const flat = (value: Value) => onnx.op('Reshape', [named(value), all]);
    if (provider.takesEmpty) {
      const [, ...extents] = inBlocks(x) ? blockedShape(x.shape) : x.shape;
      const empty = onnx.int64([0, ...extents]);
      const nothing = others.map((other) =>
        onnx.op('Reshape', [onnx.op('Slice', [flat(other), zero, zero]), empty], { allowzero: 1 }),
      );
      const joined = onnx.op('Concat', [named(x), ...nothing], { axis: 0 });
      return [inBlocks(x) ? { blocks: joined } : joined];
    }
    const firsts = others.map((other) => onnx.op('Slice', [flat(other), zero, one]));
    const joined = onnx.op('Concat', [flat(x), ...firsts], { axis: 0 });
    const cut = onnx.op('Slice', [joined, zero, onnx.int64([sizeOf(x.shape)])]);
    return [onnx.op('Reshape', [cut, onnx.int64(x.shape)])];
  },
  IncubateGelu: (context, node) => [context.onnx.op('Gelu', [context.full(inputOf(node))])],
  IncubateLayerNorm(context, node) {
    const names = node.outputs.map(() => context.onnx.fresh());
    const epsilon = { float: node.attributes.epsilon as number };
    context.onnx.ops('LayerNormalization', node.inputs.map(context.full), { axis: -1, epsilon }, names);
    return names;
  },
};
