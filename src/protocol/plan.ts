import type { EngineName } from '../config/engines.ts';
import type { PhaseName } from '../config/schema.ts';

/** A contiguous range of the target's blocks that is trained on its own. */
export interface ModulePlan {
  readonly index: number;
  /** Blocks [from, to) of the target network. The stem belongs to the first module, the head to the last. */
  readonly from: number;
  readonly to: number;
  /** Blocks of the meta slice that the module replaces. */
  readonly metaDepth: number;
}

/** The phase whose settings a job of each kind trains with; null for jobs that train nothing. */
export const phaseOf = {
  meta: 'meta',
  module: 'incubate',
  finetune: 'finetune',
  train: 'train',
  evaluate: null,
} as const satisfies Record<string, PhaseName | null>;

export type JobKind = keyof typeof phaseOf;

export const jobKinds = Object.keys(phaseOf) as JobKind[];

export interface JobPlan {
  /** `meta`, `module-0`…, `finetune`, `train`, `evaluate`; also the name of the job's directory. */
  readonly id: string;
  readonly kind: JobKind;
  /** Index of the module that a `module` job trains. */
  readonly module?: number;
  /** Jobs whose weights this one starts from. */
  readonly needs: readonly string[];
  /** CPU threads that the job computes with. Fixed for the run: results are bit-identical at equal thread counts only. */
  readonly threads: number;
  /**
   * Relative cost in layer units: 3 per trained layer, 2 per frozen layer after it, 1 per layer that is only evaluated, per
   * image. Auxiliary parts count by their multiply-adds, as so many of the model's mean blocks.
   */
  readonly cost: number;
}

/** One place where one job may run at a time: a GPU of CUDA, a share of the CPU, or one of the WebGPU adapter. */
export interface Lease {
  readonly id: string;
  readonly kind: 'gpu' | 'cpu' | 'webgpu';
  /** Value of CUDA_VISIBLE_DEVICES for the job: a GPU's UUID, or '' on leases of other kinds. */
  readonly cudaVisibleDevices: string;
}

export interface Plan {
  readonly modules: readonly ModulePlan[];
  readonly jobs: readonly JobPlan[];
  /** What all jobs compute with. Fixed for the run: engines differ in the last bits. */
  readonly engine: EngineName;
  readonly leases: readonly Lease[];
}

/** The job that trains the run's final weights: the one that is evaluated at the end. */
export function finalJobOf({ jobs }: Pick<Plan, 'jobs'>): string {
  const last = jobs.find(({ kind }) => kind === 'evaluate')?.needs[0];
  if (last === undefined) throw new RangeError('a plan ends with an evaluation');
  return last;
}
