import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../engine/program.ts';
import { recomputed } from '../engine/recompute.ts';
import { IncubateError, messageOf } from '../util/errors.ts';
import { forwardOf, type PartContext, type Weights } from './forward.ts';
import { keyWithin, parameterKey, type StatePart } from './network.ts';

/** What a part of a network may know of where it runs. */
export type ContextOf = (part: StatePart) => PartContext;

/**
 * The forward pass of a network, or of other parts in a row.
 *
 * @param input what the first part takes: for a stem normalised images [B, S, S, C], or tokens [B, T]
 * @param parameters every parameter and statistic of the parts under its {@link parameterKey}
 * @param recompute whether gradients compute blocks again instead of keeping their intermediate results
 * @returns what the last part gives: of a head logits [B, classes], or [B, T, tokens]
 */
export function runNetwork(
  parts: readonly StatePart[],
  input: Tensor,
  parameters: Tensors,
  contextOf: ContextOf,
  recompute = false,
): Tensor {
  let features = input;
  for (const part of parts) {
    const forward = forwardOf(part);
    const context = contextOf(part);
    const apply = (x: Tensor, given: Tensors) => applied(part, given, (weights) => forward(x, weights, context));
    const again = recompute && part.origin !== 'auxiliary' && part.spec.role === 'block';
    features = again ? applyRecomputed(apply, part, features, parameters) : apply(features, parameters);
  }
  return features;
}

function applyRecomputed(
  apply: (x: Tensor, parameters: Tensors) => Tensor,
  part: StatePart,
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

/**
 * What a part computes with its weights. Errors tell the part and the parameter that it read last: tfjs checks some
 * operands before anything knows what they are called.
 */
function applied(part: StatePart, parameters: Tensors, apply: (weights: Weights) => Tensor): Tensor {
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

function weightsOf(part: StatePart, parameters: Tensors, onRead: (name: string, parameter: Tensor) => void): Weights {
  const known = new Set(part.spec.parameters.map((spec) => parameterKey(part, spec)));
  const optional = (name: string) => {
    const key = keyWithin(part, name);
    const parameter = known.has(key) ? parameters[key] : undefined;
    if (parameter) onRead(key, parameter);
    return parameter;
  };
  const required = (name: string) => {
    const tensor = optional(name);
    if (!tensor) throw new RangeError(`${part.spec.name} has no parameter '${name}'`);
    return tensor;
  };
  return Object.assign(required, { optional });
}
