import * as tf from '@tensorflow/tfjs-core';
import { gelu, layerNorm } from '../../engine/ops.ts';
import type { AuxiliarySpec } from '../auxiliary.ts';
import { type Forward, within } from '../forward.ts';
import { product } from './forward.ts';

/**
 * The forward function of an auxiliary part on features [B, T, D]; all give [B, T, outputs].
 *
 * @param block that of the network's blocks
 * @param eps of layer normalisation
 */
export function textAuxiliaryForward(block: Forward, eps: number, { kind }: AuxiliarySpec): Forward {
  return (features, weights, context) => {
    const mixed = kind === 'deep' ? block(features, within(weights, 'block'), context) : features;
    let units = layerNorm(mixed, weights('norm.weight'), weights('norm.bias'), eps);
    for (let layer = 1; weights.optional(`fc${layer}.weight`); layer++) {
      const given = layer === 1 ? units : gelu(units);
      units = tf.add(product(given, weights(`fc${layer}.weight`), true), weights(`fc${layer}.bias`));
    }
    return units;
  };
}
