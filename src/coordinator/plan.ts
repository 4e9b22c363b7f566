import type { EngineName } from '../config/engines.ts';
import type { RunConfig } from '../config/schema.ts';
import { jobsSideBySide, methodOf, modulesOf } from '../methods/table.ts';
import type { Architecture } from '../models/architecture.ts';
import type { Lease, Plan } from '../protocol/plan.ts';

/** What jobs compute with and on: the engine, the leases of the run and the CPU threads that they share. */
export interface DeviceShare {
  readonly engine: EngineName;
  readonly leases: readonly Lease[];
  readonly threads: number;
}

/**
 * The modules and jobs of a run, as its method has them, and the threads of each job.
 *
 * @throws CONFIG_DIVISION, CONFIG_MODEL or CONFIG_VALUE where the method cannot train the model as configured
 */
export function planRun(config: RunConfig, target: Architecture, devices: DeviceShare): Plan {
  const modules = modulesOf(target, config);
  const { threads, leases, engine } = devices;
  const concurrent = Math.max(1, Math.min(leases.length, jobsSideBySide(config)));
  const moduleThreads = Math.max(1, Math.floor(threads / concurrent));
  const drafts = methodOf(config).jobs({ config, target, modules });
  const jobs = drafts.map((job) => ({ ...job, threads: job.kind === 'module' ? moduleThreads : threads }));
  return { modules, jobs, engine, leases };
}
