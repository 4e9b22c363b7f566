import type { Tensor } from '@tensorflow/tfjs-core';
import type { Architecture } from './architecture.ts';
import type { VitShape } from './vit/architecture.ts';
import { vitForward } from './vit/forward.ts';

/** The parameters of one part, by their names within the part: `attn.qkv.weight`, not `blocks.3.attn.qkv.weight`. */
export interface Weights {
  (name: string): Tensor;
  /** Undefined where the architecture has no such parameter, for example a bias that is switched off. */
  optional(name: string): Tensor | undefined;
}

/** What a block may need to know about where it runs. */
export interface BlockContext {
  /** Drops the residual branch `branch` of this block for some samples (stochastic depth); identity in evaluation. */
  dropPath(residual: Tensor, branch: number): Tensor;
}

/** The forward functions of an architecture's parts. */
export interface Forward {
  /** Normalised images [B, S, S, C] to features. */
  stem(images: Tensor, weights: Weights): Tensor;
  block(features: Tensor, weights: Weights, context: BlockContext): Tensor;
  /** Features to the task's raw output, for classification logits [B, classes]. */
  head(features: Tensor, weights: Weights): Tensor;
}

/** Residual branches of a block: how many independent stochastic-depth decisions it takes per sample. */
export const BRANCHES = 2;

/** The forward functions of an architecture, by family. */
export function forwardOf(architecture: Architecture): Forward {
  return vitForward(architecture.shape as VitShape);
}
