import { sizeOf } from '../util/tensor.ts';

/** How a parameter's first values are drawn; every one from a stream of its own, keyed by its name. */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** Normal(0, deviation) cut off at ±2, as timm's `trunc_normal_`. */
  | { readonly kind: 'truncated-normal'; readonly deviation: number }
  /** Normal(0, deviation), as `torch.nn.init.kaiming_normal_` with deviation = sqrt(2 / fan) before a ReLU. */
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Uniform in ±bound, as PyTorch initialises its layers with bound = 1 / sqrt(fan-in). */
  | { readonly kind: 'uniform'; readonly bound: number };

export interface ParameterSpec {
  /** timm's, torchvision's or GPT-2's name, unique within the network: `blocks.3.attn.qkv.weight`, `layer1.0.bn1.running_mean`. */
  readonly name: string;
  /** PyTorch's layout: linear weights are [out, in], convolutions [out, in, height, width]. */
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** Whether weight decay applies. A property of the parameter, so that it holds in optimisers of single modules too. */
  readonly decay: boolean;
  /**
   * Whether it is a running statistic of the activations: moved by every batch while its part is in training mode, touched
   * by no optimiser, and no parameter where parameters are counted.
   */
  readonly statistic?: boolean;
}

/** One step of a network's forward pass: the stem, a block or the head. */
export interface PartSpec {
  readonly name: string;
  readonly role: 'stem' | 'block' | 'head';
  readonly parameters: readonly ParameterSpec[];
  /** Multiply-adds of the forward pass for one image, or sequence. */
  readonly macs: number;
  /** Numbers that its layers take and its gradient needs again, for one image: about what training keeps in memory. */
  readonly activations: number;
}

/**
 * A network as a stem, an ordered list of blocks and a head, described without any tensors: dividing, planning and
 * counting parameters need no more than this.
 */
export interface Architecture<Shape = unknown> {
  readonly family: string;
  readonly shape: Shape;
  /** Residual branches of a block: how many independent stochastic-depth decisions it takes per sample. */
  readonly branches: number;
  readonly stem: PartSpec;
  readonly blocks: readonly PartSpec[];
  readonly head: PartSpec;
}

export function partsOf(architecture: Architecture): readonly PartSpec[] {
  return [architecture.stem, ...architecture.blocks, architecture.head];
}

/** All tensors of some parts: parameters and statistics. */
export function parametersOf(parts: readonly Pick<PartSpec, 'parameters'>[]): readonly ParameterSpec[] {
  return parts.flatMap((part) => part.parameters);
}

/** The number of parameters, statistics left out. */
export function countParameters(parts: readonly Pick<PartSpec, 'parameters'>[]): number {
  return parametersOf(parts)
    .filter(({ statistic }) => !statistic)
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

export function countMacs(parts: readonly PartSpec[]): number {
  return parts.reduce((sum, { macs }) => sum + macs, 0);
}
