/** How a parameter's first values are drawn; every one from a stream of its own, keyed by its name. */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** Normal(0, deviation) cut off at ±2, as timm's `trunc_normal_`. */
  | { readonly kind: 'truncated-normal'; readonly deviation: number }
  /** Uniform in ±bound, as PyTorch initialises convolutions with bound = 1 / sqrt(fan-in). */
  | { readonly kind: 'uniform'; readonly bound: number };

export interface ParameterSpec {
  /** timm's name, unique within the network: `blocks.3.attn.qkv.weight`. */
  readonly name: string;
  /** PyTorch's layout: linear weights are [out, in], convolutions [out, in, height, width]. */
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** Whether weight decay applies. A property of the parameter, so that it holds in optimisers of single modules too. */
  readonly decay: boolean;
}

/** One step of a network's forward pass: the stem, a block or the head. */
export interface PartSpec {
  readonly name: string;
  readonly role: 'stem' | 'block' | 'head';
  readonly parameters: readonly ParameterSpec[];
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/**
 * A network as a stem, an ordered list of blocks and a head, described without any tensors: dividing, planning and
 * counting parameters need no more than this.
 */
export interface Architecture<Shape = unknown> {
  readonly family: string;
  readonly shape: Shape;
  readonly stem: PartSpec;
  readonly blocks: readonly PartSpec[];
  readonly head: PartSpec;
}

export function partsOf(architecture: Architecture): readonly PartSpec[] {
  return [architecture.stem, ...architecture.blocks, architecture.head];
}

export function parametersOf(parts: readonly PartSpec[]): readonly ParameterSpec[] {
  return parts.flatMap((part) => part.parameters);
}

export function countParameters(parts: readonly PartSpec[]): number {
  return parametersOf(parts).reduce((sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1), 0);
}

export function countMacs(parts: readonly PartSpec[]): number {
  return parts.reduce((sum, { macs }) => sum + macs, 0);
}
