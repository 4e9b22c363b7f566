/** Ways to train a model; `methods/table.ts` has what each of them does. */
export const methodNames = ['incubation', 'imitation', 'e2e', 'infopro', 'dgl', 'greedy', 'gstack'] as const;

export type MethodName = (typeof methodNames)[number];

const modular = ['incubation', 'imitation'] as const;
const local = ['infopro', 'dgl', 'greedy'] as const;
const dividing = [...modular, ...local, 'gstack'] as const;

/** Settings that are for some methods only; beside them, those under `method.` and a method's name are for that one. */
const methodsWith: Readonly<Record<string, readonly MethodName[]>> = {
  'division.modules': dividing,
  'division.depths': dividing,
  'division.balance': dividing,
  'division.metaDepths': [...modular, 'gstack'],
  'division.metaWidth': [...modular, 'gstack'],
  'method.downstream': ['incubation'],
  'method.moduleData': modular,
  'method.initialise': modular,
  'method.ends': modular,
  'method.updates': local,
  'method.replayBuffer': local,
  'training.frozenSlices': modular,
};

/** Whether a setting, by its dotted path, has a part in what a method does. */
export function hasSetting(method: MethodName, key: string): boolean {
  const [section, name = ''] = key.split('.');
  if (section === 'method' && name !== method && methodNames.some((other) => other === name)) return false;
  return methodsWith[key]?.includes(method) ?? true;
}

/** Whether modules with losses of their own learn each in a process of its own. */
export function isAsynchronous({
  method: { name, updates },
}: {
  readonly method: { readonly name: MethodName; readonly updates: 'synchronous' | 'asynchronous' };
}): boolean {
  return updates === 'asynchronous' && hasSetting(name, 'method.updates');
}

/** Distances between what a module gives and what the meta slice gives that it imitates. */
export const imitationLosses = ['l1', 'mse', 'smooth-l1', 'cosine'] as const;

export type ImitationLoss = (typeof imitationLosses)[number];
