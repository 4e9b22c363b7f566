import * as tf from '@tensorflow/tfjs-core';
import { named } from '../engine/named.ts';
import type { Tensors } from '../engine/program.ts';
import type { ParameterSpec } from '../models/architecture.ts';
import { IncubateError } from '../util/errors.ts';
import { float32, type HostTensor, type HostTensors, sizeOf } from '../util/tensor.ts';

/**
 * How named parameters lie in one flat vector [P].
 *
 * The optimiser then is a handful of operations on whole vectors and an engine carries three large tensors instead of
 * hundreds of small ones. Parameters under weight decay come first, so that decay is one slice of the vector.
 */
export interface Layout {
  readonly parameters: readonly ParameterSpec[];
  /** P */
  readonly size: number;
  /** Length of the leading range that weight decay applies to. */
  readonly decayed: number;
}

export function layoutOf(parameters: readonly ParameterSpec[]): Layout {
  const ordered = [...parameters.filter(({ decay }) => decay), ...parameters.filter(({ decay }) => !decay)];
  const size = (specs: readonly ParameterSpec[]) => specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { parameters: ordered, size: size(ordered), decayed: size(ordered.filter(({ decay }) => decay)) };
}

/** Named host tensors to one flat vector. Throws CHECKPOINT_PARAMETER naming the parameter that is missing or misshapen. */
export function flatten(layout: Layout, tensors: HostTensors): HostTensor<'float32'> {
  const flat = new Float32Array(layout.size);
  let offset = 0;
  for (const { name, shape } of layout.parameters) {
    const tensor = tensors[name];
    if (!tensor) throw new IncubateError('CHECKPOINT_PARAMETER', `the weights have no parameter '${name}'`);
    if (tensor.dtype !== 'float32' || tensor.shape.join() !== shape.join()) {
      throw new IncubateError(
        'CHECKPOINT_PARAMETER',
        `parameter '${name}' is ${tensor.dtype} [${tensor.shape}], but the model takes float32 [${shape}]`,
        { hint: 'The weights belong to another model: compare width, depth, patch, image size and classes.' },
      );
    }
    flat.set(tensor.data, offset);
    offset += tensor.data.length;
  }
  return float32(flat);
}

/** One flat host vector to named tensors, which share its memory. */
export function unflatten(layout: Layout, flat: HostTensor<'float32'>): Record<string, HostTensor<'float32'>> {
  let offset = 0;
  return Object.fromEntries(
    layout.parameters.map(({ name, shape }) => {
      const size = sizeOf(shape);
      const tensor = float32(flat.data.subarray(offset, offset + size), shape);
      offset += size;
      return [name, tensor];
    }),
  );
}

/** The same as {@link unflatten} within a program: a flat tensor [P] to named tensors. */
export function splitParameters(layout: Layout, flat: tf.Tensor): Tensors {
  const pieces = tf.split(
    flat,
    layout.parameters.map(({ shape }) => sizeOf(shape)),
  );
  return Object.fromEntries(
    layout.parameters.map(({ name, shape }, index) => {
      const piece = tf.reshape(pieces[index] as tf.Tensor, [...shape]);
      return [name, named(`the parameter ${name}`, piece)];
    }),
  );
}
