import { type RandomStream, randomStream, truncatedNormal } from '../util/random.ts';
import { float32, type HostTensor, sizeOf } from '../util/tensor.ts';
import type { Initializer, ParameterSpec } from './architecture.ts';

/**
 * First values of parameters. A value depends on the seed, the model ('meta', 'target') and the parameter's name only,
 * so a module drawn on its own equals the same module within the whole network, bit for bit.
 */
export function initialise(
  parameters: readonly ParameterSpec[],
  seed: number,
  model: string,
): Record<string, HostTensor<'float32'>> {
  return Object.fromEntries(
    parameters.map(({ name, shape, init }) => [
      name,
      float32(draw(init, sizeOf(shape), seed, `initialise/${model}/${name}`), shape),
    ]),
  );
}

function draw(init: Initializer, size: number, seed: number, purpose: string): Float32Array {
  const values = new Float32Array(size);
  if (init.kind === 'ones') return values.fill(1);
  if (init.kind === 'zeros') return values;
  const stream = randomStream(seed, purpose);
  for (let index = 0; index < size; index++) values[index] = drawOne(init, stream);
  return values;
}

function drawOne(init: Exclude<Initializer, { readonly kind: 'zeros' | 'ones' }>, stream: RandomStream): number {
  switch (init.kind) {
    case 'uniform':
      return (2 * stream.uniform() - 1) * init.bound;
    case 'normal':
      return stream.normal() * init.deviation;
    case 'truncated-normal':
      return truncatedNormal(init.deviation, stream);
  }
}
