import type { PhaseName, RunConfig } from '../config/schema.ts';
import { hybridNetwork, type Network, wholeNetwork } from '../models/network.ts';
import { buildArchitecture, metaArchitecture } from '../models/registry.ts';
import type { JobPlan, ModulePlan } from '../protocol/plan.ts';

/** What a job works on: its network, and the phase whose settings it trains with. */
export interface JobNetwork {
  readonly network: Network;
  /** null for jobs that train nothing. */
  readonly phase: PhaseName | null;
}

/**
 * The network of each job of Deep Incubation: the meta model alone, a module within the otherwise frozen meta model, or
 * the whole target, assembled from the modules.
 *
 * @param outputs numbers that the model gives: classes, or the tokens of a vocabulary
 */
export function jobNetwork(
  job: Pick<JobPlan, 'id' | 'kind' | 'module'>,
  modules: readonly ModulePlan[],
  config: RunConfig,
  outputs: number,
): JobNetwork {
  const target = buildArchitecture(config.model, outputs);
  const { ends } = config.method;
  switch (job.kind) {
    case 'meta':
      return { network: wholeNetwork(metaArchitecture(target, modules), 'meta'), phase: 'meta' };
    case 'module': {
      if (job.module === undefined) throw new RangeError(`job ${job.id} names no module`);
      const meta = metaArchitecture(target, modules);
      return {
        network: hybridNetwork(target, meta, modules, job.module, ends === 'own' ? 'own' : 'meta'),
        phase: 'incubate',
      };
    }
    case 'finetune':
      return { network: wholeNetwork(target, 'target', ends === 'frozen' ? 'frozen' : 'trained'), phase: 'finetune' };
    case 'evaluate':
      return { network: wholeNetwork(target, 'target'), phase: null };
  }
}
