import type { MethodName } from '../config/methods.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Plan } from './plan.ts';

/** Version of the run directory's layout; a reader refuses newer ones. */
export const RUN_FORMAT = 1;

/** What a data set is, so that a resumed run can tell that it still is the same. */
export interface DatasetIdentity {
  readonly source: string;
  /** None of text. */
  readonly classes: readonly string[];
  /** Images, or sequences of text. */
  readonly train: number;
  readonly validation: number;
  /** Only of text: how many tokens there are to choose from, and how many the splits have. */
  readonly tokens?: { readonly vocabulary: number; readonly train: number; readonly validation: number };
  /** SHA-256 of what is used: paths and sizes, contents, or the generator's settings, as the source's format has it. */
  readonly fingerprint: string;
}

/** `run.json`: everything fixed when the run was created. */
export interface RunRecord {
  readonly format: typeof RUN_FORMAT;
  readonly name: string;
  readonly created: string;
  readonly versions: { readonly incubate: string; readonly node: string };
  readonly config: RunConfig;
  readonly plan: Plan;
  readonly dataset: DatasetIdentity;
}

export interface Evaluation {
  /** Shares in [0, 1]: of images, or of the tokens of a text. */
  readonly top1: number;
  readonly top5: number;
  /** Mean cross-entropy without label smoothing, nats. */
  readonly loss: number;
  /** Only of text: exp(loss). */
  readonly perplexity?: number;
}

/**
 * How the assembly departs from the meta model behind one of its modules, before any fine-tuning. Means are taken over
 * images, and norms over all that a module gives for an image.
 */
export interface InterfaceDiagnostics {
  /** Index of the module whose output it is. */
  readonly module: number;
  /** Mean of the output's norm in the assembly divided by the norm in the meta model. */
  readonly normRatio: number;
  /** Mean of the absolute difference between these norms divided by the one in the meta model. */
  readonly normError: number;
  /** Mean of the norm of the difference between both outputs divided by the norm in the meta model. */
  readonly outputError: number;
  /** Linear centred kernel alignment of both outputs, averaged over tokens or places: 1 where they are alike. */
  readonly cka: number;
}

/** The assembly beside the meta model, at every interface between modules. */
export interface Diagnostics {
  /** Validation images that they were computed on. */
  readonly images: number;
  readonly interfaces: readonly InterfaceDiagnostics[];
}

export interface WeightsFile {
  /** Relative to the run directory in job results, absolute in the run's result. */
  readonly path: string;
  readonly sha256: string;
}

/** `jobs/<job>/result.json` */
export interface JobResult {
  readonly format: typeof RUN_FORMAT;
  readonly job: string;
  readonly metrics: Evaluation;
  /** Accuracy of what fine-tuning starts from: the assembled modules, or the stacked meta model; only of `finetune`. */
  readonly cold?: Evaluation;
  /** Of the same assembly; only of the `finetune` job, where modules were trained within a meta model. */
  readonly diagnostics?: Diagnostics;
  /** Trained parameters that later jobs start from: of the meta model, of one module, or of the whole target network. */
  readonly weights: WeightsFile;
  readonly parameters: { readonly trained: number; readonly frozen: number };
  readonly steps: number;
  /** Work of the job over all its attempts, without what was lost to failures. */
  readonly seconds: number;
  /** Floating-point operations of its training steps. */
  readonly flops: number;
  readonly engine: string;
  /** Largest resident set of the process that ended the job, bytes; memory of a GPU is not in it. */
  readonly peakBytes?: number;
  /** Images that could not be decoded and were skipped, if any. */
  readonly damaged?: number;
}

/** `result.json` of the run, and what `train --json` prints. */
export interface RunResult {
  readonly status: 'completed';
  readonly run: string;
  readonly method: MethodName;
  readonly metrics: {
    /** Absent where the method has no meta model. */
    readonly meta?: Evaluation;
    /** Of each module within the meta model; absent where the method trains none by themselves. */
    readonly modules?: readonly Evaluation[];
    /** Before fine-tuning: of the assembled modules, or the stacked meta model; absent where nothing is fine-tuned. */
    readonly cold?: Evaluation;
    readonly final: Evaluation;
  };
  readonly diagnostics?: Diagnostics;
  readonly weights: WeightsFile;
  /** Wall time of the run's sessions, added up. */
  readonly seconds: number;
  readonly cost: RunCost;
}

export interface RunCost {
  readonly jobs: readonly {
    readonly job: string;
    readonly seconds: number;
    readonly flops: number;
    readonly layerUnits: number;
    readonly damaged?: number;
  }[];
  /**
   * Layer units times images, of all jobs, relative to end-to-end training for as many epochs as the first job: those of
   * the meta model (phases.meta), or, where there is none, of the method itself (phases.train).
   */
  readonly layerUnitsOfEndToEnd: number;
  /** The same for the longest chain of jobs that depend on each other. */
  readonly criticalPathOfEndToEnd: number;
}
