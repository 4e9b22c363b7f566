import { type AffineAttributes, CHANNEL_AFFINE, CHANNEL_PRODUCTS, RELU_GRAD } from '../../rewrites/channel-passes.ts';
import { inputOf, operation, type TorchLowering, type TorchLowerings } from './lowering.ts';

/** PyTorch's kernels keep no softmax, which only their own gradient can do without. */
const attention: TorchLowering = ({ code, slot, readers }, { inputs, outputs, attributes }) => {
  const [, weights] = outputs;
  const { nodes, isResult } = weights ? readers(weights) : { nodes: [], isResult: false };
  const isRead = isResult || nodes.some(({ kernel }) => kernel !== 'FusedAttentionGrad');
  return code.ops('attention', inputs.map(slot), [attributes.scale as number, isRead ? 1 : 0], outputs.length);
};

/** The last input is the result of the forward pass, which kernels of ours, of float32, need not keep until then. */
const attentionGrad: TorchLowering = ({ code, slot, ownKernels }, node) => {
  const isOwn = ownKernels && inputOf(node).dtype === 'float32';
  const given = node.inputs.slice(0, isOwn ? 5 : 6).map(slot);
  return code.ops('attention_grad', given, [node.attributes.scale as number], node.outputs.length);
};

/** Kernels that `rewrites/fuse.ts` and `rewrites/channel-passes.ts` make of several. */
export const rewritten: TorchLowerings = {
  FusedLinear: operation('linear', ({ attributes: { transposeA, transposeB } }) => [
    transposeA ? 1 : 0,
    transposeB ? 1 : 0,
  ]),
  FusedGeluGrad: operation('gelu_grad'),
  FusedSoftmaxGrad: operation('softmax_grad'),
  FusedLayerNormGrad: operation('layer_norm_grad', ({ attributes: { byGain, byBias } }) => [
    byGain ? 1 : 0,
    byBias ? 1 : 0,
  ]),
  FusedAttention: attention,
  FusedAttentionGrad: attentionGrad,
  FusedAdamW: operation('adamw', ({ attributes }) => {
    const { first, second, eps, decayed } = attributes as {
      readonly [Name in 'first' | 'second']: readonly number[];
    } & { readonly eps: number; readonly decayed: number };
    return [...first, ...second, eps, decayed];
  }),
  FusedSumOfSquares: operation('sum_of_squares'),
  [CHANNEL_AFFINE]: operation('channel_affine', ({ attributes }) => {
    const { operands, relu } = attributes as AffineAttributes;
    return [...(['factor', 'term', 'sum'] as const).map((name) => operands.includes(name)), relu].map(Number);
  }),
  [CHANNEL_PRODUCTS]: operation('channel_products', ({ attributes: { mean } }) => [mean ? 1 : 0]),
  [RELU_GRAD]: operation('relu_grad'),
};
