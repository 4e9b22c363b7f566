import type { Tensor } from '@tensorflow/tfjs-core';
import type { Architecture, PartSpec } from './architecture.ts';
import type { AuxiliarySpec } from './auxiliary.ts';
import type { GptShape } from './gpt/architecture.ts';
import { gptForward } from './gpt/forward.ts';
import type { StatePart } from './network.ts';
import type { RecurrentShape } from './recurrent/architecture.ts';
import { recurrentForward } from './recurrent/forward.ts';
import { resnetAuxiliaryForward } from './resnet/auxiliary-forward.ts';
import { resnetForward } from './resnet/forward.ts';
import type { ResnetShape } from './resnet/shape.ts';
import { textAuxiliaryForward } from './text/auxiliary-forward.ts';
import type { VitShape } from './vit/architecture.ts';
import { vitAuxiliaryForward } from './vit/auxiliary-forward.ts';
import { vitForward } from './vit/forward.ts';

/** The parameters of one part, by their names within the part: `attn.qkv.weight`, not `blocks.3.attn.qkv.weight`. */
export interface Weights {
  (name: string): Tensor;
  /** Undefined where the architecture has no such parameter, for example a bias that is switched off. */
  optional(name: string): Tensor | undefined;
}

/** Those whose names begin so, without that: `within(weights, 'block')('ln_1.bias')` is `block.ln_1.bias`. */
export function within(weights: Weights, name: string): Weights {
  return Object.assign((key: string) => weights(`${name}.${key}`), {
    optional: (key: string) => weights.optional(`${name}.${key}`),
  });
}

/** What a part may need to know about where it runs. */
export interface PartContext {
  /** Drops the residual branch `branch` of this block for some samples (stochastic depth); identity in evaluation. */
  dropPath(residual: Tensor, branch: number): Tensor;
  /**
   * Where present, batch normalisation takes the statistics of the batch and says what they are, by the names of the
   * running ones within the part. Absent, it takes the running ones.
   */
  batchStatistics?(name: string, value: Tensor): void;
}

/** Where parts run in evaluation. */
export const evaluationContext: PartContext = { dropPath: (residual) => residual };

/**
 * The forward function of a part. Stems take normalised images [B, S, S, C], or tokens [B, T]; heads give the task's raw
 * output, logits [B, classes] or [B, T, tokens]; blocks take and give features; auxiliary parts take features.
 */
export type Forward = (x: Tensor, weights: Weights, context: PartContext) => Tensor;

/** By the family's name in `registry.ts`. */
const families: Readonly<Record<string, (architecture: Architecture, spec: PartSpec) => Forward>> = {
  vit: ({ shape }, { role }) => vitForward(shape as VitShape)[role],
  resnet: ({ shape }, spec) => resnetForward(shape as ResnetShape, spec),
  gpt: ({ shape }, { role }) => gptForward(shape as GptShape)[role],
  recurrent: ({ shape }, { role }) => recurrentForward(shape as RecurrentShape)[role],
};

/** Of layer normalisation in the auxiliary parts of recurrent networks, which themselves normalise nothing. */
const RECURRENT_NORM_EPS = 1e-5;

/** Those of parts that local losses put on features. */
const auxiliaries: Readonly<Record<string, (architecture: Architecture, spec: AuxiliarySpec) => Forward>> = {
  vit: ({ shape }, spec) => vitAuxiliaryForward(shape as VitShape, spec),
  resnet: ({ shape }, spec) => resnetAuxiliaryForward(shape as ResnetShape, spec),
  gpt({ shape }, spec) {
    const { layerNormEps } = shape as GptShape;
    return textAuxiliaryForward(gptForward(shape as GptShape).block, layerNormEps, spec);
  },
  recurrent: ({ shape }, spec) =>
    textAuxiliaryForward(recurrentForward(shape as RecurrentShape).block, RECURRENT_NORM_EPS, spec),
};

export function forwardOf(part: StatePart): Forward {
  const { architecture } = part;
  const forward =
    part.origin === 'auxiliary'
      ? auxiliaries[architecture.family]?.(architecture, part.spec)
      : families[architecture.family]?.(architecture, part.spec);
  if (!forward) throw new RangeError(`there is no family ${architecture.family}`);
  return forward;
}
