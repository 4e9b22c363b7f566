import { totalmem } from 'node:os';
import type { RunConfig } from '../config/schema.ts';
import { jobLayerUnits, plannedCost } from '../coordinator/cost.ts';
import type { PreparedRun } from '../coordinator/prepare.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import { outputsOf } from '../data/identity.ts';
import { countParameters } from '../models/architecture.ts';
import { buildArchitecture } from '../models/registry.ts';
import type { JobEstimate } from '../protocol/estimate.ts';
import type { JobPlan, ModulePlan } from '../protocol/plan.ts';

export interface PlannedJob extends JobPlan, Omit<JobEstimate, 'job'> {
  readonly epochs: number;
  readonly steps: number;
  /** Images, or sequences of text, that the job looks at, over all its epochs. */
  readonly images: number;
  /** Operations of all its steps. */
  readonly flops: number;
  readonly layerUnits: number;
}

export type PlanDocument = ReturnType<typeof planDocument>;

/** All that is known of a run before it: what `plan --json` prints. Throws DATA_TOO_FEW as training would. */
export function planDocument(prepared: PreparedRun, estimates: readonly JobEstimate[]) {
  const { config, dataset, model, devices, plan } = prepared;
  const jobs = plan.jobs.map((job, index) => plannedJob(job, estimates[index] as JobEstimate, prepared));
  const flops = jobs.reduce((sum, job) => sum + job.flops, 0);
  const { fingerprint: _, ...data } = dataset;
  const { engine, gpus, threads, leases, choice } = devices;
  return {
    model: { name: model.name, depth: model.depth, parameters: model.parameters, macsPerImage: model.macs },
    data,
    devices: { engine, gpus, threads, leases, choice },
    modules: plan.modules.map((module) => ({ ...module, parameters: moduleParameters(module, prepared) })),
    jobs,
    cost: {
      ...plannedCost(plan, config, dataset),
      flops,
      flopsOfEndToEnd: flops / endToEndFlops(jobs, prepared),
    },
    notes: notes(jobs, prepared),
  };
}

function plannedJob(job: JobPlan, { job: _, ...estimate }: JobEstimate, { config, dataset }: PreparedRun): PlannedJob {
  const { batchSize } = config.training;
  const phase = phaseOf(job, config);
  const epochs = phase?.epochs ?? 1;
  const steps = phase
    ? batchesPerEpoch(dataset.train, batchSize, config.data.repeats) * epochs
    : Math.ceil(dataset.validation / batchSize);
  return {
    ...job,
    ...estimate,
    epochs,
    steps,
    images: phase ? steps * batchSize : dataset.validation,
    flops: steps * estimate.flopsPerStep,
    layerUnits: jobLayerUnits(job, config, dataset),
  };
}

function phaseOf(job: JobPlan, { phases }: RunConfig) {
  return { meta: phases.meta, module: phases.incubate, finetune: phases.finetune, evaluate: undefined }[job.kind];
}

/** Parameters that a module brings to the assembled network: the first has the stem, the last the head, if they are its own. */
function moduleParameters({ from, to }: ModulePlan, { config, dataset }: PreparedRun): number {
  const { stem, blocks, head } = buildArchitecture(config.model, outputsOf(dataset));
  const own = config.method.ends === 'own';
  return countParameters([
    ...(own && from === 0 ? [stem] : []),
    ...blocks.slice(from, to),
    ...(own && to === blocks.length ? [head] : []),
  ]);
}

/** As many epochs as the meta model's (at least one), each step as costly as one of fine-tuning. */
function endToEndFlops(jobs: readonly PlannedJob[], { config, dataset }: PreparedRun): number {
  const step = jobs.find((job) => job.kind === 'finetune')?.flopsPerStep ?? 0;
  const steps = batchesPerEpoch(dataset.train, config.training.batchSize, config.data.repeats);
  return step * steps * Math.max(1, config.phases.meta.epochs);
}

/** What the user may not have meant. */
function notes(jobs: readonly PlannedJob[], { config, devices }: PreparedRun): string[] {
  const found: string[] = [];
  for (const [name, phase] of Object.entries(config.phases)) {
    if (phase.epochs > 0 && phase.warmupEpochs >= phase.epochs) {
      found.push(`phases.${name} ends within its warm-up: ${phase.epochs} epochs, ${phase.warmupEpochs} of warm-up`);
    }
  }
  const peak = (kind: JobPlan['kind']) =>
    Math.max(0, ...jobs.filter((job) => job.kind === kind).map((job) => job.peakBytes));
  const concurrent = Math.min(devices.leases.length, jobs.filter((job) => job.kind === 'module').length);
  const needed = Math.max(peak('meta'), peak('finetune'), concurrent * peak('module'));
  if (devices.leases[0]?.kind === 'cpu' && needed > totalmem()) {
    const [need, have] = [needed, totalmem()].map((bytes) => (bytes / 2 ** 30).toFixed(1));
    found.push(
      `the jobs that run at a time need about ${need} GiB, and this machine has ${have} GiB: lower devices.slots, or raise training.accumulate`,
    );
  }
  return found;
}
