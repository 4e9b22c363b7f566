/** What Node is started with where {@link collectGarbage} is to work. */
export const workerFlags = ['--expose-gc'] as const;

/**
 * Frees what nothing refers to any more: for after an engine has taken copies of large arrays. By itself V8 does so when its own
 * heap grows, in which such arrays hardly count, and may keep several times a network's parameters for the whole of a training.
 */
export function collectGarbage(): void {
  globalThis.gc?.();
}
