import type { ParameterSpec } from '../architecture.ts';
import type { AuxiliaryPlace, AuxiliarySpec } from '../auxiliary.ts';
import { batchNorm, biasedConvolution, convolution, linear } from '../layers.ts';
import { type ResnetShape, strided } from './shape.ts';

/** Units between the two linear layers of a deep head (InfoPro). */
const HIDDEN = 128;
/** 1×1 convolutions, and hidden linear layers, of DGL's head. */
export const MLP_SR_LAYERS = 3;
/** Rows and columns that DGL's head has in the end. */
export const MLP_SR_SIDE = 2;

/** What a block gives: channels, and the side of the square that they fill. */
interface Features {
  readonly channels: number;
  readonly side: number;
}

/** One convolution of a decoder, after its input was scaled to `side`. */
export interface DecoderStep {
  readonly side: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Of the filter. */
  readonly size: number;
}

/**
 * A residual network's auxiliary part: heads and decoder of InfoPro (Wang et al., ICLR 2021) and the head of Decoupled
 * Greedy Learning (Belilovsky et al., ICML 2020). Layers before a batch normalisation have no bias.
 */
export function resnetAuxiliary(shape: ResnetShape, place: AuxiliaryPlace): AuxiliarySpec {
  return { ...place, ...parts[place.kind](shape, { ...place, outputs: place.outputs ?? shape.classes }) };
}

type Part = (
  shape: ResnetShape,
  place: AuxiliaryPlace & { readonly outputs: number },
) => Pick<AuxiliarySpec, 'parameters' | 'macs'>;

const parts: Readonly<Record<AuxiliaryPlace['kind'], Part>> = {
  linear(shape, { name, block, outputs }) {
    const { channels } = featuresAfter(shape, block);
    return { parameters: linear(`${name}.fc`, channels, outputs), macs: channels * outputs };
  },
  deep(shape, { name, block, outputs }) {
    const { channels, side } = featuresAfter(shape, block);
    const { channels: wider, stride } = deepConvolution(shape, block);
    return {
      parameters: [
        convolution(`${name}.conv1`, channels, wider, 3),
        ...batchNorm(`${name}.bn1`, wider),
        ...linear(`${name}.fc1`, wider, HIDDEN),
        ...linear(`${name}.fc2`, HIDDEN, outputs),
      ],
      macs: 9 * channels * wider * strided(side, stride) ** 2 + wider * HIDDEN + HIDDEN * outputs,
    };
  },
  'mlp-sr'(shape, { name, block, outputs }) {
    const { channels, side } = featuresAfter(shape, block);
    const units = channels * MLP_SR_SIDE ** 2;
    const layers = Array.from({ length: MLP_SR_LAYERS }, (_, index) => index + 1);
    return {
      parameters: [
        ...layers.flatMap((layer) => [
          convolution(`${name}.conv${layer}`, channels, channels, 1),
          ...batchNorm(`${name}.bn${layer}`, channels),
        ]),
        ...layers.flatMap((layer): ParameterSpec[] => [
          ...linear(`${name}.fc${layer}`, units, units, false),
          ...batchNorm(`${name}.fc_bn${layer}`, units),
        ]),
        ...linear(`${name}.out`, units, outputs),
      ],
      macs: MLP_SR_LAYERS * (channels ** 2 * reducedSide(side) ** 2 + units ** 2) + units * outputs,
    };
  },
  decoder(shape, { name, block }) {
    const steps = decoderSteps(shape, block);
    const last = steps.length - 1;
    return {
      parameters: steps.flatMap(({ inputs, outputs, size }, index) =>
        index === last
          ? biasedConvolution(`${name}.conv${index + 1}`, inputs, outputs, size)
          : [
              convolution(`${name}.conv${index + 1}`, inputs, outputs, size),
              ...batchNorm(`${name}.bn${index + 1}`, outputs),
            ],
      ),
      macs: steps.reduce((sum, { side, inputs, outputs, size }) => sum + side ** 2 * size ** 2 * inputs * outputs, 0),
    };
  },
};

export function featuresAfter({ blocks }: ResnetShape, block: number): Features {
  const residual = blocks[block];
  if (!residual) throw new RangeError(`the network has no block ${block}`);
  return { channels: residual.outputs, side: strided(residual.side, residual.stride) };
}

/** The convolution of a deep head goes one stage on where there is one: twice the channels on half the side. */
export function deepConvolution(
  shape: ResnetShape,
  block: number,
): { readonly channels: number; readonly stride: number } {
  const { channels } = featuresAfter(shape, block);
  const wider = Math.min(2 * channels, featuresAfter(shape, shape.blocks.length - 1).channels);
  return wider > channels ? { channels: wider, stride: 2 } : { channels, stride: 1 };
}

/** The side that DGL's 1×1 convolutions work on. */
export function reducedSide(side: number): number {
  return Math.ceil(side / 4);
}

/**
 * The convolutions by which features become an image, all but the last followed by batch normalisation and ReLU. Small
 * images are made at once at their size; those of ImageNet's networks in three steps.
 */
export function decoderSteps(shape: ResnetShape, block: number): readonly DecoderStep[] {
  const { stem, imageSize, channels } = shape;
  const features = featuresAfter(shape, block);
  if (stem === 'cifar') {
    return [
      { side: imageSize, inputs: features.channels, outputs: 12, size: 3 },
      { side: imageSize, inputs: 12, outputs: channels, size: 3 },
    ];
  }
  return [
    { side: features.side, inputs: features.channels, outputs: 128, size: 1 },
    { side: strided(imageSize, 4), inputs: 128, outputs: 32, size: 3 },
    { side: strided(imageSize, 2), inputs: 32, outputs: 12, size: 3 },
    { side: imageSize, inputs: 12, outputs: channels, size: 3 },
  ];
}
