/** Ways to train a model; `methods/table.ts` has what each of them does. */
export const methodNames = ['incubation', 'imitation', 'e2e', 'infopro', 'dgl', 'greedy', 'gstack'] as const;

export type MethodName = (typeof methodNames)[number];

/** Distances between what a module gives and what the meta slice gives that it imitates. */
export const imitationLosses = ['l1', 'mse', 'smooth-l1', 'cosine'] as const;

export type ImitationLoss = (typeof imitationLosses)[number];
