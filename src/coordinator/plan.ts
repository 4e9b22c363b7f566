import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import { divide } from '../models/divide.ts';
import type { JobPlan, Lease, ModulePlan, Plan } from '../protocol/plan.ts';
import { moduleCount } from './leases.ts';

/** What jobs compute with and on: the engine, the leases of the run and the CPU threads that they share. */
export interface DeviceShare {
  readonly engine: EngineName;
  readonly leases: readonly Lease[];
  readonly threads: number;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The jobs of a run: meta → module-0..K-1 → finetune → evaluate.
 *
 * Costs are layer units per image (reference: Deep Incubation, cost accounting): 3 for a trained layer, 2 for a frozen
 * layer that gradients pass through, 1 for a layer that is only evaluated. Throws CONFIG_DIVISION where the model cannot
 * be divided as configured.
 */
export function planRun(
  config: RunConfig,
  model: { readonly depth: number; readonly blockCosts: readonly number[] },
  devices: DeviceShare,
): Plan {
  const modules = divide(model.blockCosts, config.division);
  const concurrent = Math.max(1, Math.min(devices.leases.length, moduleCount(config)));
  const moduleThreads = Math.max(1, Math.floor(devices.threads / concurrent));
  const moduleJobs = modules.map(
    (module): JobPlan => ({
      id: `module-${module.index}`,
      kind: 'module',
      module: module.index,
      needs: ['meta'],
      threads: moduleThreads,
      cost: hybridCost(module, modules),
    }),
  );
  const threads = devices.threads;
  const parts = moduleJobs.map((job) => job.id);
  // The meta model's stem and head may be part of it.
  const assembled = config.method.ends === 'own' ? parts : ['meta', ...parts];
  const jobs: JobPlan[] = [
    { id: 'meta', kind: 'meta', needs: [], threads, cost: 3 * sum(modules.map((module) => module.metaDepth)) },
    ...moduleJobs,
    { id: 'finetune', kind: 'finetune', needs: assembled, threads, cost: 3 * model.depth },
    { id: 'evaluate', kind: 'evaluate', needs: ['finetune'], threads, cost: model.depth },
  ];
  return { modules, jobs, engine: devices.engine, leases: devices.leases };
}

/** Layer units per image of incubating one module between frozen meta slices. */
function hybridCost(module: ModulePlan, modules: readonly ModulePlan[]): number {
  const metaLayers = (side: (other: ModulePlan) => boolean) =>
    sum(modules.filter(side).map((other) => other.metaDepth));
  return (
    3 * (module.to - module.from) +
    2 * metaLayers((other) => other.index > module.index) +
    metaLayers((other) => other.index < module.index)
  );
}
