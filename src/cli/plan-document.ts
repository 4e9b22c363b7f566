import { totalmem } from 'node:os';
import { comparedEpochs, jobImages, jobLayerUnits, plannedCost } from '../coordinator/cost.ts';
import type { PreparedRun } from '../coordinator/prepare.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import { outputsOf } from '../data/identity.ts';
import { countParameters } from '../models/architecture.ts';
import { buildArchitecture } from '../models/registry.ts';
import type { JobEstimate } from '../protocol/estimate.ts';
import { type JobPlan, type ModulePlan, phaseOf } from '../protocol/plan.ts';

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

/** A job whose steps train the whole model end to end, to compare the others with; no job of the run, unless it has one. */
export const wholeJob: JobPlan = { id: 'end-to-end', kind: 'finetune', needs: [], threads: 1, cost: 0 };

/**
 * All that is known of a run before it: what `plan --json` prints. Throws DATA_TOO_FEW as training would.
 *
 * @param estimates of the run's jobs, and behind them of {@link wholeJob} where none of them is of its kind
 */
export function planDocument(prepared: PreparedRun, estimates: readonly JobEstimate[]) {
  const { config, dataset, model, devices, plan } = prepared;
  const jobs = plan.jobs.map((job, index) => plannedJob(job, estimates[index] as JobEstimate, prepared));
  const flops = jobs.reduce((sum, job) => sum + job.flops, 0);
  const { fingerprint: _, ...data } = dataset;
  const { engine, gpus, threads, leases, choice } = devices;
  const whole = jobs.find(({ kind }) => kind === wholeJob.kind) ?? (estimates.at(-1) as JobEstimate);
  return {
    method: config.method.name,
    model: { name: model.name, depth: model.depth, parameters: model.parameters, macsPerImage: model.macs },
    data,
    devices: { engine, gpus, threads, leases, choice },
    modules: plan.modules.map((module) => ({ ...module, parameters: moduleParameters(module, prepared) })),
    jobs,
    cost: {
      ...plannedCost(plan, config, dataset),
      flops,
      flopsOfEndToEnd: flops / endToEndFlops(whole.flopsPerStep, prepared),
    },
    notes: notes(jobs, prepared),
  };
}

function plannedJob(job: JobPlan, { job: _, ...estimate }: JobEstimate, prepared: PreparedRun): PlannedJob {
  const { config, dataset, plan } = prepared;
  const { batchSize } = config.training;
  const phase = phaseOf[job.kind];
  const epochs = phase ? config.phases[phase].epochs : 1;
  const steps = phase
    ? batchesPerEpoch(jobImages(job, plan, config, dataset), batchSize, config.data.repeats) * epochs
    : Math.ceil(dataset.validation / batchSize);
  return {
    ...job,
    ...estimate,
    epochs,
    steps,
    images: phase ? steps * batchSize : dataset.validation,
    flops: steps * estimate.flopsPerStep,
    layerUnits: jobLayerUnits(job, plan, config, dataset),
  };
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

/** Of end-to-end training for as many epochs as the layer units are compared with. */
function endToEndFlops(step: number, { config, dataset, plan }: PreparedRun): number {
  const steps = batchesPerEpoch(dataset.train, config.training.batchSize, config.data.repeats);
  return step * steps * comparedEpochs(plan, config);
}

/** What the user may not have meant. */
function notes(jobs: readonly PlannedJob[], { config, devices }: PreparedRun): string[] {
  const found: string[] = [];
  const names = new Set(jobs.map(({ kind }) => phaseOf[kind]).filter((name) => name !== null));
  for (const name of names) {
    const phase = config.phases[name];
    if (phase.epochs > 0 && phase.warmupEpochs >= phase.epochs) {
      found.push(`phases.${name} ends within its warm-up: ${phase.epochs} epochs, ${phase.warmupEpochs} of warm-up`);
    }
  }
  const peak = (those: readonly PlannedJob[]) => Math.max(0, ...those.map((job) => job.peakBytes));
  const modules = jobs.filter(({ kind }) => kind === 'module');
  const concurrent = Math.min(devices.leases.length, modules.length);
  const alone = jobs.filter(({ kind }) => kind !== 'module' && phaseOf[kind] !== null);
  const needed = Math.max(peak(alone), concurrent * peak(modules));
  if (devices.leases[0]?.kind === 'cpu' && needed > totalmem()) {
    const [need, have] = [needed, totalmem()].map((bytes) => (bytes / 2 ** 30).toFixed(1));
    found.push(
      `the jobs that run at a time need about ${need} GiB, and this machine has ${have} GiB: lower devices.slots, or raise training.accumulate`,
    );
  }
  return found;
}
