/** Ways to train a model; `methods/table.ts` has what each of them does. */
export const methodNames = ['incubation', 'imitation', 'e2e', 'infopro', 'dgl', 'greedy', 'gstack'] as const;

export type MethodName = (typeof methodNames)[number];

/** Whether modules with losses of their own learn each in a process of its own. */
export function isAsynchronous({
  method: { name, updates },
}: {
  readonly method: { readonly name: MethodName; readonly updates: 'synchronous' | 'asynchronous' };
}): boolean {
  return updates === 'asynchronous' && (name === 'infopro' || name === 'dgl' || name === 'greedy');
}

/** Distances between what a module gives and what the meta slice gives that it imitates. */
export const imitationLosses = ['l1', 'mse', 'smooth-l1', 'cosine'] as const;

export type ImitationLoss = (typeof imitationLosses)[number];
