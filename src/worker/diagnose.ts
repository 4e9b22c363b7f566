import type { SampleSet } from '../data/dataset.ts';
import { outputsOf } from '../data/identity.ts';
import type { Engine } from '../engine/program.ts';
import type { Network } from '../models/network.ts';
import type { JobSpec } from '../protocol/messages.ts';
import type { Diagnostics } from '../protocol/run.ts';
import { diagnoseAssembly } from '../training/diagnostics/diagnose.ts';
import { jobNetwork } from '../training/phases.ts';
import type { HostTensors } from '../util/tensor.ts';

/**
 * The diagnostics of the assembly that a job starts from: of fine-tuning whose plan gives it the meta model's weights beside
 * those of several modules. They depend on these alone, so that every attempt of the job finds the same.
 */
export async function diagnose(
  { job, modules, config }: JobSpec,
  network: Network,
  readWeights: () => Promise<HostTensors>,
  dataset: SampleSet,
  engine: Engine,
): Promise<Diagnostics | undefined> {
  const trained = ['meta', ...modules.map(({ index }) => `module-${index}`)];
  if (job.kind !== 'finetune' || !trained.every((need) => job.needs.includes(need)) || modules.length < 2)
    return undefined;
  const { network: meta } = jobNetwork({ id: 'meta', kind: 'meta' }, modules, config, outputsOf(dataset.identity));
  const assembly = { modules, assembled: network, meta };
  return diagnoseAssembly(engine, job.id, assembly, {
    config,
    weights: await readWeights(),
    validation: dataset.validation,
  });
}
