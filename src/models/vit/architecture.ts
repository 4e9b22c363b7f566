import { IncubateError } from '../../util/errors.ts';
import type { Architecture, ParameterSpec, PartSpec } from '../architecture.ts';
import { layerNorm } from '../layers.ts';

/** A vision transformer's dimensions (Dosovitskiy et al., ICLR 2021; DeiT: Touvron et al., ICML 2021). */
export interface VitShape {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  /** Side of a patch and of the square image, pixels. */
  readonly patch: number;
  readonly imageSize: number;
  readonly channels: number;
  readonly classes: number;
  readonly qkvBias: boolean;
  readonly layerNormEps: number;
}

type NamedShape = Omit<VitShape, 'imageSize' | 'channels' | 'classes'>;

const base: NamedShape = {
  width: 768,
  depth: 12,
  heads: 12,
  mlpRatio: 4,
  patch: 16,
  qkvBias: true,
  layerNormEps: 1e-6,
};

/** The published sizes; huge follows the official Deep Incubation code (no qkv bias, epsilon 1e-5). */
export const vitShapes: Readonly<Record<string, NamedShape>> = {
  'vit-tiny': { ...base, width: 192, heads: 3 },
  'vit-small': { ...base, width: 384, heads: 6 },
  'vit-base': base,
  'vit-large': { ...base, width: 1024, depth: 24, heads: 16 },
  'vit-huge': { ...base, width: 1280, depth: 32, heads: 16, patch: 14, qkvBias: false, layerNormEps: 1e-5 },
};

/** Patches plus the class token. */
export function vitTokens(shape: VitShape): number {
  return (shape.imageSize / shape.patch) ** 2 + 1;
}

/** @throws CONFIG_MODEL where the dimensions do not fit together. */
export function vitArchitecture(shape: VitShape): Architecture<VitShape> {
  const { imageSize, patch, width, heads } = shape;
  if (imageSize % patch !== 0) {
    throw new IncubateError('CONFIG_MODEL', `the image size ${imageSize} is not divisible by the patch size ${patch}`, {
      hint: `Set model.imageSize to a multiple of ${patch}, or model.patch to a divisor of ${imageSize}.`,
    });
  }
  if (width % heads !== 0) {
    throw new IncubateError('CONFIG_MODEL', `the width ${width} is not divisible by the number of heads ${heads}`, {
      hint: 'Choose model.heads so that every head gets the same share of model.width.',
    });
  }
  return {
    family: 'vit',
    shape,
    // Attention and MLP.
    branches: 2,
    stem: stem(shape),
    blocks: Array.from({ length: shape.depth }, (_, index) => vitBlock(shape, `blocks.${index}`)),
    head: head(shape),
  };
}

function stem(shape: VitShape): PartSpec {
  const { width, patch, channels } = shape;
  const fanIn = channels * patch * patch;
  const conv = { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) } as const;
  const embedding = { kind: 'truncated-normal', deviation: 0.02 } as const;
  return {
    name: 'stem',
    role: 'stem',
    parameters: [
      { name: 'cls_token', shape: [1, 1, width], init: embedding, decay: false },
      { name: 'pos_embed', shape: [1, vitTokens(shape), width], init: embedding, decay: false },
      { name: 'patch_embed.proj.weight', shape: [width, channels, patch, patch], init: conv, decay: true },
      { name: 'patch_embed.proj.bias', shape: [width], init: conv, decay: false },
    ],
    macs: (vitTokens(shape) - 1) * fanIn * width,
    activations: (vitTokens(shape) - 1) * fanIn,
  };
}

export function vitBlock(shape: VitShape, prefix: string): PartSpec {
  const { width, heads, qkvBias } = shape;
  const hidden = Math.max(1, Math.round(width * shape.mlpRatio));
  const tokens = vitTokens(shape);
  return {
    name: prefix,
    role: 'block',
    parameters: [
      ...layerNorm(`${prefix}.norm1`, width),
      ...linear(`${prefix}.attn.qkv`, width, 3 * width, qkvBias),
      ...linear(`${prefix}.attn.proj`, width, width),
      ...layerNorm(`${prefix}.norm2`, width),
      ...linear(`${prefix}.mlp.fc1`, width, hidden),
      ...linear(`${prefix}.mlp.fc2`, hidden, width),
    ],
    macs: tokens * width * (4 * width + 2 * hidden) + 2 * tokens * tokens * width,
    // Both norms and what follows them, query, key and value, the mixed values; the MLP's two sides of GELU; the scores.
    activations: tokens * (8 * width + 2 * hidden + heads * tokens),
  };
}

function head(shape: VitShape): PartSpec {
  const { width, classes } = shape;
  return {
    name: 'head',
    role: 'head',
    parameters: [...layerNorm('norm', width), ...linear('head', width, classes)],
    macs: width * classes,
    activations: 2 * width,
  };
}

export function linear(name: string, inputs: number, outputs: number, bias = true): ParameterSpec[] {
  const init = { kind: 'truncated-normal', deviation: 0.02 } as const;
  const weight: ParameterSpec = { name: `${name}.weight`, shape: [outputs, inputs], init, decay: true };
  if (!bias) return [weight];
  return [weight, { name: `${name}.bias`, shape: [outputs], init: { kind: 'zeros' }, decay: false }];
}
