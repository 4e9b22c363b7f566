import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../engine/program.ts';
import { recomputed } from '../engine/recompute.ts';
import { forwardOf, type PartContext, type Weights } from './forward.ts';
import { keyWithin, type Network, type NetworkPart, parameterKey } from './network.ts';

/** What a part of a network may know of where it runs; `block` counts the network's blocks and is null for stem and head. */
export type ContextOf = (part: NetworkPart, block: number | null) => PartContext;

/**
 * A network's forward pass.
 *
 * @param images normalised, [B, S, S, C]
 * @param parameters every parameter and statistic of the network under its {@link parameterKey}
 * @param recompute whether gradients compute blocks again instead of keeping their intermediate results
 * @returns the head's output, for classification logits [B, classes]
 */
export function runNetwork(
  network: Network,
  images: Tensor,
  parameters: Tensors,
  contextOf: ContextOf,
  recompute = false,
): Tensor {
  let features = images;
  let block = 0;
  for (const part of network) {
    const forward = forwardOf(part.architecture, part.spec);
    const isBlock = part.spec.role === 'block';
    const context = contextOf(part, isBlock ? block++ : null);
    const apply = (x: Tensor, given: Tensors) => forward(x, weightsOf(part, given), context);
    const again = recompute && isBlock;
    features = again ? applyRecomputed(apply, part, features, parameters) : apply(features, parameters);
  }
  return features;
}

function applyRecomputed(
  apply: (x: Tensor, parameters: Tensors) => Tensor,
  part: NetworkPart,
  features: Tensor,
  parameters: Tensors,
): Tensor {
  const specs = part.trainable ? part.spec.parameters.filter(({ statistic }) => !statistic) : [];
  const names = specs.map((spec) => parameterKey(part, spec));
  const trained = names.map((name) => parameters[name] as Tensor);
  const withTrained = (x: Tensor, ...tensors: Tensor[]) =>
    apply(x, { ...parameters, ...Object.fromEntries(names.map((name, at) => [name, tensors[at] as Tensor])) });
  return recomputed(withTrained, features, trained);
}

function weightsOf(part: NetworkPart, parameters: Tensors): Weights {
  const known = new Set(part.spec.parameters.map((spec) => parameterKey(part, spec)));
  const optional = (name: string) => {
    const key = keyWithin(part, name);
    return known.has(key) ? parameters[key] : undefined;
  };
  const required = (name: string) => {
    const tensor = optional(name);
    if (!tensor) throw new RangeError(`${part.spec.name} has no parameter '${name}'`);
    return tensor;
  };
  return Object.assign(required, { optional });
}
