import { setFlagsFromString } from 'node:v8';

/**
 * What Node is started with where an engine computes: so that {@link collectGarbage} works, and that V8 keeps less of what
 * compiling took for objects that are to come. Compiling takes as long as without.
 */
export const workerFlags = ['--expose-gc', '--max-semi-space-size=4'] as const;

/**
 * Frees what nothing refers to any more, and gives the pages in between back: for after an engine has taken copies of large
 * arrays, or has compiled. By itself V8 does so when its own heap grows, in which such arrays hardly count, and may keep several
 * times a network's parameters for the whole of a training.
 */
export function collectGarbage(): void {
  if (!globalThis.gc) return;
  setFlagsFromString('--compact-on-every-full-gc');
  globalThis.gc();
  setFlagsFromString('--no-compact-on-every-full-gc');
}
