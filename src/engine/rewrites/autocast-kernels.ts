import type { ReducedPrecision } from '../../config/precision.ts';
import type { Node } from '../graph.ts';

/**
 * How autocast treats a kernel:
 *
 * - `reduce`: operands are cast to the reduced type, and the result has it: matrix products and convolutions;
 * - `move`: elements are moved and keep their type, or are moved in the reduced type where only that is wanted of them;
 * - `follow`: cheap arithmetic that stays in the reduced type where its operands and consumers are;
 * - `narrow`: computed in float32, and only the result is cast where a consumer wants it reduced: what a backward pass
 *   keeps of such a function is small then;
 * - `keep`: float32, as everything that is not listed: sums, exponentials, statistics, losses, the optimiser.
 */
export type Treatment = 'reduce' | 'move' | 'follow' | 'narrow' | 'keep';

const treatments: { readonly [T in Exclude<Treatment, 'keep'>]: string } = {
  reduce:
    'BatchMatMul Conv2D Conv2DBackpropInput Conv2DBackpropFilter DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput',
  move: 'Reshape ExpandDims Transpose Slice StridedSlice Concat Pack Unpack SplitV BroadcastTo PadV2',
  follow: 'Add Sub Multiply Neg',
  narrow: 'Softmax Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus IncubateGelu',
};

/** Of what CUDA has no kernels for bfloat16 in ONNX Runtime: these stay float32. */
const unreduced: { readonly [P in ReducedPrecision]: ReadonlySet<string> } = {
  float16: new Set(),
  bfloat16: new Set([...treatments.reduce.split(' ').filter((kernel) => kernel !== 'BatchMatMul'), 'PadV2']),
};

const byKernel = new Map(
  Object.entries(treatments).flatMap(([treatment, kernels]) =>
    kernels.split(' ').map((kernel) => [kernel, treatment as Treatment] as const),
  ),
);

export function treatmentOf({ kernel }: Node, precision: ReducedPrecision): Treatment {
  return unreduced[precision].has(kernel) ? 'keep' : (byKernel.get(kernel) ?? 'keep');
}
