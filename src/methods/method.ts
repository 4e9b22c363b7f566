import type { RunConfig } from '../config/schema.ts';
import type { Architecture } from '../models/architecture.ts';
import type { Network, StatePart } from '../models/network.ts';
import type { JobPlan, ModulePlan } from '../protocol/plan.ts';
import type { Objective } from './objective.ts';

/** What a method is told of a run. */
export interface MethodRun {
  readonly config: RunConfig;
  readonly target: Architecture;
  readonly modules: readonly ModulePlan[];
}

/** A job as far as the method decides on it. */
export type JobDraft = Omit<JobPlan, 'threads'>;

/** Which job it is. */
export type JobName = Pick<JobPlan, 'id' | 'kind' | 'module'>;

/** What a job trains or evaluates, described without any tensors. */
export interface JobNetwork {
  /** What is evaluated. */
  readonly network: Network;
  readonly objective: Objective;
  /** Parts whose first values are drawn; all others have those that the jobs trained which this one needs. */
  readonly drawn: readonly StatePart[];
  /** Parameters that begin with the values of another one, of the jobs that this one needs; both by key. */
  readonly copies: ReadonlyMap<string, string>;
  /** Parts whose tensors are the job's result. */
  readonly product: Network;
}

/** A way to train a model: its jobs, and what each of them trains. Loads no tensor library, as the coordinator plans with it. */
export interface Method {
  /** Whether it divides the model; otherwise the whole is one module. */
  readonly divides: boolean;
  /** Whether modules have jobs of their own, which may run side by side. */
  readonly trainsModules: boolean;
  /**
   * The jobs, each after those that it needs; the last evaluates what the one that it needs has trained.
   *
   * Costs are layer units per image (see `JobPlan.cost`).
   *
   * @throws CONFIG_DIVISION, CONFIG_MODEL or CONFIG_VALUE where the method cannot train the model as configured.
   */
  jobs(run: MethodRun): readonly JobDraft[];
  network(job: JobName, run: MethodRun): JobNetwork;
}
