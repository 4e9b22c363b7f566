import type { RunConfig } from '../config/schema.ts';
import { moduleShare } from '../data/equal-share.ts';
import { type JobPlan, type Plan, phaseOf } from '../protocol/plan.ts';
import type { DatasetIdentity, JobResult, RunCost } from '../protocol/run.ts';

/**
 * Work of a job in layer units times images: its cost per image, over the epochs of its phase. An evaluation passes over
 * the validation images once.
 */
export function jobLayerUnits(job: JobPlan, plan: Plan, config: RunConfig, dataset: DatasetIdentity): number {
  const phase = phaseOf[job.kind];
  if (phase === null) return job.cost * dataset.validation;
  return job.cost * jobImages(job, plan, config, dataset) * config.phases[phase].epochs;
}

/** Training images that a job sees in an epoch. */
export function jobImages(
  { module }: Pick<JobPlan, 'module'>,
  { modules }: Pick<Plan, 'modules'>,
  { method }: RunConfig,
  { train }: DatasetIdentity,
): number {
  if (method.moduleData === 'shared' || module === undefined) return train;
  return moduleShare(train, modules.length, module);
}

/** What jobs cost in layer units times images, each relative to one epoch of training the whole model on the same images. */
export interface CostInEpochs {
  readonly jobs: ReadonlyMap<string, number>;
  readonly total: number;
  /** Of the longest chain of jobs that depend on each other. */
  readonly criticalPath: number;
}

export function costInEpochs(plan: Plan, config: RunConfig, dataset: DatasetIdentity): CostInEpochs {
  const depth = plan.modules.reduce((total, module) => total + module.to - module.from, 0);
  const epoch = 3 * depth * dataset.train;
  const jobs = new Map(plan.jobs.map((job) => [job.id, jobLayerUnits(job, plan, config, dataset) / epoch]));
  const total = [...jobs.values()].reduce((sum, value) => sum + value, 0);
  return { jobs, total, criticalPath: longestChain(plan, jobs) };
}

/** Epochs of the end-to-end training that a run's cost is compared with: those of its first job, at least one. */
export function comparedEpochs({ jobs }: Plan, { phases }: RunConfig): number {
  const phase = jobs[0] && phaseOf[jobs[0].kind];
  return Math.max(1, phase ? phases[phase].epochs : 1);
}

/** The layer units of a run relative to training the whole model for {@link comparedEpochs}. */
export function plannedCost(
  plan: Plan,
  config: RunConfig,
  dataset: DatasetIdentity,
): Pick<RunCost, 'layerUnitsOfEndToEnd' | 'criticalPathOfEndToEnd'> {
  const epochs = comparedEpochs(plan, config);
  const { total, criticalPath } = costInEpochs(plan, config, dataset);
  return { layerUnitsOfEndToEnd: total / epochs, criticalPathOfEndToEnd: criticalPath / epochs };
}

/** What a run did cost: measured time and operations beside the layer units, which are no measure of either. */
export function runCost(
  plan: Plan,
  config: RunConfig,
  dataset: DatasetIdentity,
  results: ReadonlyMap<string, JobResult>,
): RunCost {
  const jobs = plan.jobs.map((job) => {
    const { seconds = 0, flops = 0, damaged = 0 } = results.get(job.id) ?? {};
    const layerUnits = jobLayerUnits(job, plan, config, dataset);
    return { job: job.id, seconds, flops, layerUnits, ...(damaged > 0 ? { damaged } : {}) };
  });
  return { jobs, ...plannedCost(plan, config, dataset) };
}

/** The largest sum of what jobs take, over the chains of jobs that depend on each other. */
export function longestChain(plan: Plan, taken: ReadonlyMap<string, number>): number {
  const until = new Map<string, number>();
  // A plan lists what a job needs before the job.
  for (const job of plan.jobs) {
    const before = Math.max(0, ...job.needs.map((need) => until.get(need) ?? 0));
    until.set(job.id, before + (taken.get(job.id) ?? 0));
  }
  return Math.max(...until.values());
}
