import type { MethodName } from '../config/methods.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Architecture } from '../models/architecture.ts';
import { divide } from '../models/divide.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import { gstack } from './growth.ts';
import { dgl, greedy, infopro } from './local.ts';
import type { Method } from './method.ts';
import { imitation, incubation } from './modular.ts';
import { endToEnd } from './whole.ts';

const methods: Readonly<Record<MethodName, Method>> = {
  incubation,
  imitation,
  e2e: endToEnd,
  infopro,
  dgl,
  greedy,
  gstack,
};

export function methodOf({ method }: Pick<RunConfig, 'method'>): Method {
  return methods[method.name];
}

/**
 * The modules that a run's method divides the model into; where it divides none, the whole is one.
 *
 * @throws CONFIG_DIVISION where the blocks cannot be divided as configured
 */
export function modulesOf({ blocks }: Architecture, config: RunConfig): ModulePlan[] {
  const { division } = config;
  const costs = blocks.map(({ macs, activations }) => (division.balance === 'memory' ? activations : macs));
  const whole = { ...division, modules: 1, depths: null, metaDepths: 1 };
  return divide(costs, methodOf(config).divides ? division : whole);
}

/** Jobs of a run that may compute side by side. */
export function jobsSideBySide(config: Pick<RunConfig, 'method' | 'division'>): number {
  if (!methodOf(config).trainsModules) return 1;
  return config.division.depths?.length ?? config.division.modules;
}
