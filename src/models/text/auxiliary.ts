import type { PartSpec } from '../architecture.ts';
import type { AuxiliaryPlace, AuxiliarySpec } from '../auxiliary.ts';
import { layerNorm, linear } from '../layers.ts';

/** Units between the two linear layers of a deep head, as for images (InfoPro). */
const HIDDEN = 128;

/** What the auxiliary parts of a network of text stand on. */
export interface TextFeatures {
  /** Numbers of a token. */
  readonly width: number;
  readonly vocabulary: number;
  /** Tokens of a sequence. */
  readonly context: number;
  /** A block of the network under another name. */
  block(name: string): PartSpec;
}

/**
 * An auxiliary part on the tokens of a text. Nothing is published of them, so these are ours: heads are those of vision
 * transformers on every token, and predict the one after it; a decoder tells which token it is, by one linear layer.
 */
export function textAuxiliary(features: TextFeatures, place: AuxiliaryPlace): AuxiliarySpec {
  const { width, vocabulary, context } = features;
  const { kind, name } = place;
  const block = kind === 'deep' ? features.block(`${name}.block`) : { parameters: [], macs: 0 };
  const units = [width, ...hidden[kind](width), place.outputs ?? vocabulary];
  const layers = units.slice(1).map((outputs, index) => ({ inputs: units[index] as number, outputs }));
  return {
    ...place,
    parameters: [
      ...block.parameters,
      ...layerNorm(`${name}.norm`, width),
      ...layers.flatMap(({ inputs, outputs }, index) => linear(`${name}.fc${index + 1}`, inputs, outputs)),
    ],
    macs: block.macs + context * layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0),
  };
}

/** Units of the layers before the last, with GELU behind each. */
const hidden: Readonly<Record<AuxiliaryPlace['kind'], (width: number) => readonly number[]>> = {
  linear: () => [],
  deep: () => [HIDDEN],
  'mlp-sr': (width) => [4 * width, 4 * width],
  decoder: () => [],
};
