import type { Node, ReducedType } from '../graph.ts';

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

export type Treatments = (node: Node) => Treatment;

/** Kernels by how they are treated, separated by spaces; those that are not listed are kept. */
export type TreatedKernels = { readonly [T in Exclude<Treatment, 'keep'>]: string };

const onnxKernels: TreatedKernels = {
  reduce:
    'BatchMatMul Conv2D Conv2DBackpropInput Conv2DBackpropFilter DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput',
  move: 'Reshape ExpandDims Transpose Slice StridedSlice Concat Pack Unpack SplitV BroadcastTo PadV2',
  follow: 'Add Sub Multiply Neg',
  narrow: 'Softmax Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus IncubateGelu',
};

const treated = (kernels: TreatedKernels): Treatments => {
  const byKernel = new Map(
    Object.entries(kernels).flatMap(([treatment, names]) =>
      names.split(' ').map((kernel) => [kernel, treatment as Treatment] as const),
    ),
  );
  return ({ kernel }) => byKernel.get(kernel) ?? 'keep';
};

/** Of ONNX Runtime, whose CUDA provider has no kernels for convolutions and padding in bfloat16. */
export const onnxTreatments: { readonly [T in ReducedType]: Treatments } = {
  float16: treated(onnxKernels),
  bfloat16: treated({ ...onnxKernels, reduce: 'BatchMatMul', move: onnxKernels.move.replace(' PadV2', '') }),
};

/**
 * Of PyTorch, whose kernels for activations read and write numbers of 16 bits and compute in float32; in the graph that
 * `fuse.ts` leaves.
 */
const torchTreatment = treated({
  reduce: `${onnxKernels.reduce} FusedLinear FusedAttention FusedAttentionGrad`,
  move: onnxKernels.move,
  follow: `${onnxKernels.follow} IncubateGelu FusedGeluGrad Relu`,
  narrow: onnxKernels.narrow.replace(' IncubateGelu', '').replace(' Relu ', ' '),
});

export const torchTreatments: { readonly [T in ReducedType]: Treatments } = {
  float16: torchTreatment,
  bfloat16: torchTreatment,
};
