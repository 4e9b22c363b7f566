import { IncubateError } from '../../util/errors.ts';
import type { Architecture, ParameterSpec, PartSpec } from '../architecture.ts';
import { layerNorm } from '../layers.ts';

/** A decoder's dimensions (Radford et al., 2019: GPT-2). */
export interface GptShape {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  readonly layerNormEps: number;
  /** Tokens that it sees at a time. */
  readonly context: number;
  /** Tokens that there are. */
  readonly vocabulary: number;
}

type NamedShape = Pick<GptShape, 'width' | 'depth' | 'heads'>;

/** The four sizes of GPT-2, and below them three of minGPT's. */
export const gptShapes: Readonly<Record<string, NamedShape>> = {
  'gpt-nano': { width: 48, depth: 3, heads: 3 },
  'gpt-micro': { width: 128, depth: 4, heads: 4 },
  'gpt-mini': { width: 192, depth: 6, heads: 6 },
  'gpt-small': { width: 768, depth: 12, heads: 12 },
  'gpt-medium': { width: 1024, depth: 24, heads: 16 },
  'gpt-large': { width: 1280, depth: 36, heads: 20 },
  'gpt-xl': { width: 1600, depth: 48, heads: 25 },
};

/**
 * A decoder with the names and layouts of GPT-2's published weights: products are by [in, out]. Its head is a parameter of its
 * own and not the embeddings again, for they may belong to different modules.
 *
 * @throws CONFIG_MODEL where the dimensions do not fit together.
 */
export function gptArchitecture(shape: GptShape): Architecture<GptShape> {
  const { width, heads } = shape;
  if (width % heads !== 0) {
    throw new IncubateError('CONFIG_MODEL', `the width ${width} is not divisible by the number of heads ${heads}`, {
      hint: 'Choose model.heads so that every head gets the same share of model.width.',
    });
  }
  return {
    family: 'gpt',
    shape,
    // Attention and MLP.
    branches: 2,
    stem: stem(shape),
    blocks: Array.from({ length: shape.depth }, (_, index) => gptBlock(shape, `h.${index}`)),
    head: head(shape),
  };
}

const init = { kind: 'normal', deviation: 0.02 } as const;

function stem({ vocabulary, context, width }: GptShape): PartSpec {
  return {
    name: 'stem',
    role: 'stem',
    parameters: [
      { name: 'wte.weight', shape: [vocabulary, width], init, decay: false },
      { name: 'wpe.weight', shape: [context, width], init, decay: false },
    ],
    macs: 0,
    activations: 0,
  };
}

export function gptBlock(shape: GptShape, prefix: string): PartSpec {
  const { width, context, depth, heads } = shape;
  const hidden = Math.max(1, Math.round(width * shape.mlpRatio));
  // What residual branches add does not grow with their number.
  const damped = 0.02 / Math.sqrt(2 * depth);
  return {
    name: prefix,
    role: 'block',
    parameters: [
      ...layerNorm(`${prefix}.ln_1`, width),
      ...product(`${prefix}.attn.c_attn`, width, 3 * width),
      ...product(`${prefix}.attn.c_proj`, width, width, damped),
      ...layerNorm(`${prefix}.ln_2`, width),
      ...product(`${prefix}.mlp.c_fc`, width, hidden),
      ...product(`${prefix}.mlp.c_proj`, hidden, width, damped),
    ],
    macs: context * width * (4 * width + 2 * hidden) + 2 * context * context * width,
    activations: context * (8 * width + 2 * hidden + heads * context),
  };
}

function head({ width, vocabulary, context }: GptShape): PartSpec {
  return {
    name: 'head',
    role: 'head',
    parameters: [
      ...layerNorm('ln_f', width),
      { name: 'lm_head.weight', shape: [vocabulary, width], init, decay: true },
    ],
    macs: context * width * vocabulary,
    activations: context * (2 * width + vocabulary),
  };
}

function product(name: string, inputs: number, outputs: number, deviation: number = init.deviation): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [inputs, outputs], init: { kind: 'normal', deviation }, decay: true },
    { name: `${name}.bias`, shape: [outputs], init: { kind: 'zeros' }, decay: false },
  ];
}
