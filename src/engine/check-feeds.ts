import { IncubateError } from '../util/errors.ts';
import type { HostTensors } from '../util/tensor.ts';
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
  }
  const extra = Object.keys(feeds).find((name) => !(name in program.feeds));
  if (extra !== undefined) throw wrong(`there is no feed '${extra}'`);
}

/** The error for a state tensor that is not there. */
export function unknownState(name: string, known: Iterable<string>): IncubateError {
  return new IncubateError('ENGINE_STATE', `the state has no tensor '${name}'; it has ${[...known].join(', ')}`);
}
