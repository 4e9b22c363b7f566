/**
 * What Node is started with where an engine computes: so that {@link collectGarbage} works, and that V8 keeps less of what
 * compiling took for objects that are to come. The time of compiling is the same.
 */
export const workerFlags = ['--expose-gc', '--max-semi-space-size=4'] as const;

/**
 * Frees what nothing refers to any more: for after an engine has taken copies of large arrays. By itself V8 does so when its own
 * heap grows, in which such arrays hardly count, and may keep several times a network's parameters for the whole of a training.
 */
export function collectGarbage(): void {
  globalThis.gc?.();
}
