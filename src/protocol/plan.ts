import type { EngineName } from '../config/engines.ts';

/** A contiguous range of the target's blocks that is trained on its own. */
export interface ModulePlan {
  readonly index: number;
  /** Blocks [from, to) of the target network. The stem belongs to the first module, the head to the last. */
  readonly from: number;
  readonly to: number;
  /** Blocks of the meta slice that the module replaces. */
  readonly metaDepth: number;
}

export type JobKind = 'meta' | 'module' | 'finetune' | 'evaluate';

export interface JobPlan {
  /** `meta`, `module-0`…, `finetune`, `evaluate`; also the name of the job's directory. */
  readonly id: string;
  readonly kind: JobKind;
  /** Index of the module that a `module` job incubates. */
  readonly module?: number;
  /** Jobs whose weights this one starts from. */
  readonly needs: readonly string[];
  /** CPU threads that the job computes with. Fixed for the run: results are bit-identical at equal thread counts only. */
  readonly threads: number;
  /** Relative cost in layer units: 3 per trained layer, 2 per frozen layer after it, 1 per frozen layer before it, per image. */
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
