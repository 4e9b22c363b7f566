import type { PartSpec } from './architecture.ts';

/**
 * Parts that local losses put on the features after a block.
 *
 * - `linear`: one linear layer on pooled features, InfoPro's 0c1f
 * - `deep`: a convolution, or a block of the network, and two linear layers, InfoPro's 1c2f
 * - `mlp-sr`: DGL's, linear layers on features of a fraction of the resolution
 * - `decoder`: the input from the features, a logit per pixel and channel, or per token
 */
export type AuxiliaryKind = 'linear' | 'deep' | 'mlp-sr' | 'decoder';

/** Where an auxiliary part stands, and what it gives. */
export interface AuxiliaryPlace {
  readonly kind: AuxiliaryKind;
  /** Its name, unique among the parts of a training. */
  readonly name: string;
  /** Index of the block whose output it takes. */
  readonly block: number;
  /** Numbers that a head gives for an image, or a token; null: as many as the network's. A decoder gives the input. */
  readonly outputs: number | null;
}

/** An auxiliary part with its parameters, which are named `<name>.<name within the part>`. */
export interface AuxiliarySpec extends AuxiliaryPlace, Pick<PartSpec, 'parameters' | 'macs'> {}
