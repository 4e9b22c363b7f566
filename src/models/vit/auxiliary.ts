import type { ParameterSpec } from '../architecture.ts';
import type { AuxiliaryPlace, AuxiliarySpec } from '../auxiliary.ts';
import { batchNorm, biasedConvolution, layerNorm } from '../layers.ts';
import { linear, type VitShape, vitBlock, vitTokens } from './architecture.ts';

/** Units between the two linear layers of a deep head, and channels of a decoder, as for residual networks (InfoPro). */
const HIDDEN = 128;
export const DECODER_CHANNELS = 12;

/**
 * A vision transformer's auxiliary part. Nothing is published of them, so these are ours: heads read the class token like
 * the network's own, and have what those of residual networks have; the decoder makes the pixels of a patch from its token
 * alone and smooths them by a convolution, where those of residual networks scale features up to the image.
 */
export function vitAuxiliary(shape: VitShape, place: AuxiliaryPlace): AuxiliarySpec {
  return { ...place, ...parts[place.kind](shape, place.name, place.outputs ?? shape.classes) };
}

type Part = (shape: VitShape, name: string, outputs: number) => Pick<AuxiliarySpec, 'parameters' | 'macs'>;

const parts: Readonly<Record<AuxiliaryPlace['kind'], Part>> = {
  linear: ({ width }, name, outputs) => head(name, [width, outputs]),
  deep(shape, name, outputs) {
    const block = vitBlock(shape, `${name}.block`);
    const rest = head(name, [shape.width, HIDDEN, outputs]);
    return { parameters: [...block.parameters, ...rest.parameters], macs: block.macs + rest.macs };
  },
  'mlp-sr': ({ width }, name, outputs) => head(name, [width, 4 * width, 4 * width, outputs]),
  decoder(shape, name) {
    const { width, patch, imageSize, channels } = shape;
    const spread = patch ** 2 * DECODER_CHANNELS;
    return {
      parameters: [
        ...layerNorm(`${name}.norm`, width),
        ...linear(`${name}.proj`, width, spread, false),
        ...batchNorm(`${name}.bn`, DECODER_CHANNELS),
        ...biasedConvolution(`${name}.conv`, DECODER_CHANNELS, channels, 3),
      ],
      macs: (vitTokens(shape) - 1) * width * spread + imageSize ** 2 * 9 * DECODER_CHANNELS * channels,
    };
  },
};

/** A norm and linear layers of so many units; with GELU between them. */
function head(name: string, units: readonly number[]): { parameters: ParameterSpec[]; macs: number } {
  const layers = units.slice(1).map((outputs, index) => ({ inputs: units[index] as number, outputs }));
  return {
    parameters: [
      ...layerNorm(`${name}.norm`, units[0] as number),
      ...layers.flatMap(({ inputs, outputs }, index) => linear(`${name}.fc${index + 1}`, inputs, outputs)),
    ],
    macs: layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0),
  };
}
