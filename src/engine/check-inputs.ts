import { IncubateError } from '../util/errors.ts';
import { type HostTensors, sizeOf } from '../util/tensor.ts';
import type { Program } from './program.ts';

/** Throws ENGINE_FEED where feeds are missing, superfluous, or of another type or shape than the program's. */
export function checkFeeds(program: Program, feeds: HostTensors): void {
  const wrong = (message: string) => new IncubateError('ENGINE_FEED', `${program.name}: ${message}`);
  for (const [name, { dtype, shape }] of Object.entries(program.feeds)) {
    const given = feeds[name];
    if (!given) throw wrong(`the feed '${name}' is missing`);
    if (given.dtype !== dtype || given.shape.join() !== shape.join()) {
      throw wrong(`the feed '${name}' is ${given.dtype} [${given.shape}] instead of ${dtype} [${shape}]`);
    }
    if (given.data.length !== sizeOf(shape)) {
      throw wrong(`the feed '${name}' has ${given.data.length} elements instead of the ${sizeOf(shape)} of [${shape}]`);
    }
  }
  const extra = Object.keys(feeds).find((name) => !(name in program.feeds));
  if (extra !== undefined) throw wrong(`there is no feed '${extra}'`);
}

/** Throws ENGINE_STATE where a tensor of the state does not fit the program; `given` throws for one that is not there. */
export function checkState(
  program: Program,
  given: (name: string) => { readonly dtype: string; readonly shape: readonly number[] },
): void {
  for (const [name, { dtype, shape }] of Object.entries(program.state)) {
    const found = given(name);
    if (found.dtype === dtype && found.shape.join() === shape.join()) continue;
    throw new IncubateError(
      'ENGINE_STATE',
      `${program.name}: the state tensor '${name}' is ${found.dtype} [${found.shape}] instead of ${dtype} [${shape}]`,
    );
  }
}

/** The error for a state tensor that is not there. */
export function unknownState(name: string, known: Iterable<string>): IncubateError {
  return new IncubateError('ENGINE_STATE', `the state has no tensor '${name}'; it has ${[...known].join(', ')}`);
}

/** The error for a state whose tensors are elsewhere than where the program computes. */
export function foreignState(program: Program): IncubateError {
  return new IncubateError('ENGINE_STATE', `${program.name} was given the state of another engine`, {
    hint: 'Read the tensors, and make a state of them with this engine.',
  });
}
