import type { RunConfig } from '../config/schema.ts';
import type { JobName, JobNetwork } from '../methods/method.ts';
import { methodOf } from '../methods/table.ts';
import { buildArchitecture } from '../models/registry.ts';
import type { ModulePlan } from '../protocol/plan.ts';

/**
 * What a job of a configured run trains or evaluates. Throws as the method's `jobs` and `buildArchitecture`.
 *
 * @param outputs numbers that the model gives: classes, or the tokens of a vocabulary
 */
export function jobNetwork(
  job: JobName,
  modules: readonly ModulePlan[],
  config: RunConfig,
  outputs: number,
): JobNetwork {
  return methodOf(config).network(job, { config, target: buildArchitecture(config.model, outputs), modules });
}
