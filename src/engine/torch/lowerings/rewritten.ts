import { type AffineAttributes, CHANNEL_AFFINE, CHANNEL_PRODUCTS, RELU_GRAD } from '../../rewrites/channel-passes.ts';
import { operation, type TorchLowerings } from './lowering.ts';

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
  FusedAttention: operation('attention', ({ attributes }) => [attributes.scale as number]),
  FusedAttentionGrad: operation('attention_grad', ({ attributes }) => [attributes.scale as number]),
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
