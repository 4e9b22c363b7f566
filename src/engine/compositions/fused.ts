import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { type Compositions, input } from './composition.ts';

/** What follows a product in tfjs' fused operations: a bias and an activation. Their gradients are tfjs' own. */
function finished(
  product: tf.Tensor,
  { bias, preluActivationWeights }: Readonly<Record<string, tf.Tensor>>,
  { activation, leakyreluAlpha }: Attributes,
): tf.Tensor {
  const x = bias ? tf.add(product, bias) : product;
  const activations: Record<string, () => tf.Tensor> = {
    linear: () => x,
    relu: () => tf.relu(x),
    relu6: () => tf.relu6(x),
    elu: () => tf.elu(x),
    sigmoid: () => tf.sigmoid(x),
    leakyrelu: () => tf.leakyRelu(x, leakyreluAlpha as number),
    prelu: () => tf.prelu(x, preluActivationWeights as tf.Tensor),
  };
  const activate = activations[(activation as string | undefined) ?? 'linear'];
  if (!activate) throw new RangeError(`unknown activation '${activation}'`);
  return activate();
}

const filtered =
  (convolve: typeof tf.conv2d | typeof tf.depthwiseConv2d): Compositions[string] =>
  (inputs, attributes) => {
    const { strides, pad, dataFormat, dilations, dimRoundingMode } = attributes as {
      strides: [number, number];
      pad: 'same' | 'valid';
      dataFormat: 'NHWC';
      dilations: [number, number];
      dimRoundingMode?: 'floor';
    };
    const [x, filter] = [input<tf.Rank.R4>(inputs, 'x'), input<tf.Rank.R4>(inputs, 'filter')];
    return finished(convolve(x, filter, strides, pad, dataFormat, dilations, dimRoundingMode), inputs, attributes);
  };

export const fused: Compositions = {
  _FusedMatMul(inputs, attributes) {
    const { transposeA, transposeB } = attributes as { transposeA: boolean; transposeB: boolean };
    return finished(tf.matMul(input(inputs, 'a'), input(inputs, 'b'), transposeA, transposeB), inputs, attributes);
  },
  FusedConv2D: filtered(tf.conv2d),
  FusedDepthwiseConv2D: filtered(tf.depthwiseConv2d),
};
