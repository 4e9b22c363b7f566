import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../engine/program.ts';
import { recomputed } from '../engine/recompute.ts';
import { IncubateError, messageOf } from '../util/errors.ts';
import { type BlockContext, forwardOf, type Weights } from './forward.ts';
import { type Network, type NetworkPart, parameterKey } from './network.ts';

/**
 * A network's forward pass.
 *
 * @param images normalised, [B, S, S, C]
 * @param parameters every parameter of the network under its {@link parameterKey}
 * @param contextOf what the block at a position (0 for the first block of the network) may know
 * @param recompute whether gradients compute blocks again instead of keeping their intermediate results
 * @returns the head's output, for classification logits [B, classes]
 */
export function runNetwork(
  network: Network,
  images: Tensor,
  parameters: Tensors,
  contextOf: (block: number, part: NetworkPart) => BlockContext,
  recompute = false,
): Tensor {
  let features = images;
  let block = 0;
  for (const part of network) {
    const forward = forwardOf(part.architecture);
    if (part.spec.role !== 'block') {
      const { role } = part.spec;
      const x = features;
      features = applied(part, parameters, (weights) => forward[role](x, weights));
      continue;
    }
    const context = contextOf(block++, part);
    const apply = (x: Tensor, given: Tensors) => applied(part, given, (weights) => forward.block(x, weights, context));
    features = recompute ? applyRecomputed(apply, part, features, parameters) : apply(features, parameters);
  }
  return features;
}

function applyRecomputed(
  apply: (x: Tensor, parameters: Tensors) => Tensor,
  part: NetworkPart,
  features: Tensor,
  parameters: Tensors,
): Tensor {
  const names = part.trainable ? part.spec.parameters.map((spec) => parameterKey(part, spec)) : [];
  const trained = names.map((name) => parameters[name] as Tensor);
  const withTrained = (x: Tensor, ...tensors: Tensor[]) =>
    apply(x, { ...parameters, ...Object.fromEntries(names.map((name, at) => [name, tensors[at] as Tensor])) });
  return recomputed(withTrained, features, trained);
}

/**
 * What a part computes with its weights. Errors tell the part and the parameter that it read last: tfjs checks some
 * operands before anything knows what they are called.
 */
function applied(part: NetworkPart, parameters: Tensors, apply: (weights: Weights) => Tensor): Tensor {
  let place = `in ${part.spec.name}`;
  const weights = weightsOf(part, parameters, (name, { shape }) => {
    place = `in ${part.spec.name}, after it read the parameter ${name} [${shape}]`;
  });
  try {
    return apply(weights);
  } catch (error) {
    if (error instanceof IncubateError) throw error;
    throw new Error(`${messageOf(error)}; ${place}`, { cause: error });
  }
}

function weightsOf(part: NetworkPart, parameters: Tensors, onRead: (name: string, parameter: Tensor) => void): Weights {
  const prefix = part.spec.role === 'block' ? `${part.spec.name}.` : '';
  const keys = new Map(part.spec.parameters.map((spec) => [spec.name, parameterKey(part, spec)]));
  const optional = (name: string) => {
    const key = keys.get(prefix + name);
    const parameter = key === undefined ? undefined : parameters[key];
    if (key !== undefined && parameter) onRead(key, parameter);
    return parameter;
  };
  const required = (name: string) => {
    const tensor = optional(name);
    if (!tensor) throw new RangeError(`${part.spec.name} has no parameter '${name}'`);
    return tensor;
  };
  return Object.assign(required, { optional });
}
