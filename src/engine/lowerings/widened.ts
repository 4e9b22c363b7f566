import { isReduced, type Node, type Value } from '../graph.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import type { Provider } from '../providers.ts';
import { onnxTreatments } from '../rewrites/autocast-kernels.ts';
import { cast, type Lowering } from './lowering.ts';

/** Whether a provider computes a node in float32 though its result is of 16 bits. */
export function widens({ widens: what }: Provider, node: Node): boolean {
  const type = node.outputs[0]?.dtype ?? 'float32';
  if (what === 'nothing' || !isReduced(type) || node.kernel === 'Cast') return false;
  const treatment = onnxTreatments[type](node);
  if (what === 'products') return treatment === 'reduce';
  // The CPU moves elements of 16 bits in any way but by Expand.
  return treatment !== 'move' || node.kernel === 'BroadcastTo';
}

/** A node's lowering with its operands cast to float32 and its results cast back. */
export function widened(context: LoweringContext, node: Node, lowering: Lowering): readonly string[] {
  const wide = (value: Value): Value => (isReduced(value.dtype) ? { ...value, dtype: 'float32' } : value);
  const inputs = node.inputs.map(wide);
  const known = new Map(inputs.map((value, index) => [value, node.inputs[index] as Value]));
  const given = (value: Value) => known.get(value) ?? value;
  const widely = (name: (value: Value) => string) => (value: Value) => {
    const original = given(value);
    return isReduced(original.dtype) ? cast(context, name(original), 'float32') : name(original);
  };
  const wideContext: LoweringContext = {
    ...context,
    block: 1,
    full: widely(context.full),
    loose: widely(context.loose),
    element: (value) => context.element(given(value)),
  };
  const wideNode = { ...node, inputs, outputs: node.outputs.map(wide) };
  const names = lowering(wideContext, wideNode) as readonly string[];
  return names.map((name, index) => cast(context, name, (node.outputs[index] as Value).dtype));
}
