import * as tf from '@tensorflow/tfjs-core';
import { type RunConfig, runConfigSchema } from '../../src/config/schema.ts';
import type { Batch, SampleBatch } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open.ts';
import type { Engine } from '../../src/engine/program.ts';
import { statePartsOf } from '../../src/methods/objective.ts';
import { modulesOf } from '../../src/methods/table.ts';
import { initialise } from '../../src/models/initialise.ts';
import { networkParameters } from '../../src/models/network.ts';
import { buildArchitecture } from '../../src/models/registry.ts';
import { type JobPlan, phaseOf } from '../../src/protocol/plan.ts';
import { layoutsOf, type NetworkLayouts } from '../../src/training/network-layouts.ts';
import { jobNetwork } from '../../src/training/phases.ts';
import { createStepper, type StepSource } from '../../src/training/stepper.ts';
import { initialState } from '../../src/training/training-state.ts';
import { randomStream } from '../../src/util/random.ts';
import { float32, type HostTensor, type HostTensors } from '../../src/util/tensor.ts';
import { thorough } from './faults.ts';

export const CLASSES = 5;

type Overrides = { [Section in 'model' | 'division' | 'method' | 'training' | 'phases' | 'data']?: object };

/** Settings of `model` that make of a tiny run one with residual networks: six blocks, a stage for each module. */
export const tinyResnet = { name: 'resnet-20', width: 4, depth: 6, heads: null, patch: null };

/** The same with as many channels as processors keep in a block, or a multiple of that: three blocks. */
export const tinyBlocks = { ...tinyResnet, width: 16, depth: 3 };

/** The same with bottlenecks and a stem that reduces the images: sixteen blocks of four stages in three modules. */
export const tinyBottlenecks = { ...tinyResnet, name: 'resnet-50', depth: null, imageSize: 40 };

/** Settings of `model` that make of a tiny run one with text: six blocks of a decoder, or six layers of a recurrent network. */
export const tinyGpt = { name: 'gpt-nano', context: 5, patch: null };
export const tinyLstm = { ...tinyGpt, name: 'lstm', heads: null };
export const tinyGru = { ...tinyLstm, name: 'gru' };

const isText = (model: object | undefined) =>
  [tinyGpt, tinyLstm, tinyGru].some(({ name }) => name === (model as { name?: string } | undefined)?.name);

/** Settings of `model` of one tiny network of each family. */
export const tinyFamilies: readonly (readonly [string, object])[] = [
  ['vision transformer', {}],
  ['residual network', tinyResnet],
  ['decoder', tinyGpt],
  ['recurrent network', tinyLstm],
];

/** A run small enough to be computed by the plain JavaScript backend: depth 6 in three modules, 8×8 images. */
export function tinyConfig({ model, division, method, training, phases, data }: Overrides = {}): RunConfig {
  return runConfigSchema.parse({
    model: { name: 'vit-tiny', width: 16, heads: 2, depth: 6, patch: 4, imageSize: 8, ...model },
    division: { modules: 3, ...division },
    method,
    training: { batchSize: 8, referenceBatch: null, mixup: 0, cutmix: 0, ...training },
    data: { shapes: { train: 64, validation: 32 }, padding: 1, ...(isText(model) && { format: 'text' }), ...data },
    phases: {
      meta: { epochs: 2, lr: 1e-3, warmupEpochs: 0 },
      incubate: { epochs: 2, lr: 1e-3, warmupEpochs: 0, dropPath: 0 },
      finetune: { epochs: 2, lr: 1e-3, dropPath: 0 },
      train: { epochs: 2, lr: 1e-3, warmupEpochs: 0, dropPath: 0 },
      ...phases,
    },
  });
}

export const jobs = {
  meta: { id: 'meta', kind: 'meta' },
  first: { id: 'module-0', kind: 'module', module: 0 },
  middle: { id: 'module-1', kind: 'module', module: 1 },
  last: { id: 'module-2', kind: 'module', module: 2 },
  finetune: { id: 'finetune', kind: 'finetune' },
} as const satisfies Record<string, Pick<JobPlan, 'id' | 'kind' | 'module'>>;

/** The one job that trains where the method has no others. */
export const trainJob = { id: 'train', kind: 'train' } as const;

export type Job = (typeof jobs)[keyof typeof jobs] | typeof trainJob;

export interface TinyJob extends StepSource {
  readonly layouts: NetworkLayouts;
  /** Random values for every parameter, frozen ones included. */
  readonly initial: HostTensors;
}

export function tinyJob(job: Job, config: RunConfig): TinyJob {
  const modules = modulesOf(buildArchitecture(config.model, CLASSES), config);
  const { network, objective } = jobNetwork(job, modules, config, CLASSES);
  const parts = statePartsOf(network, objective);
  const parameters = [...networkParameters(parts, true), ...networkParameters(parts, false)];
  const initial = initialise(parameters, 7, 'tiny');
  // Biases and gains away from their neutral values, so that a test notices when one is left out.
  for (const [name, tensor] of Object.entries(initial)) {
    const stream = randomStream(7, `jitter/${name}`);
    // Residual branches of fifty layers are damped, which otherwise turn roundings into losses of their own.
    const scale = name.endsWith('.bn3.weight') ? 0.1 : 1;
    initial[name] = float32(
      tensor.data.map((value) => scale * (value + 0.1 * stream.normal())),
      tensor.shape,
    );
  }
  const phase = config.phases[phaseOf[job.kind]];
  return { name: job.id, network, objective, phase, config, layouts: layoutsOf(parts), initial };
}

export function tinyBatch(config: RunConfig, index: number): Batch {
  const { imageSize, channels } = config.model;
  const size = config.training.batchSize;
  const stream = randomStream(3, 'batch', index);
  return {
    images: Uint8Array.from({ length: size * imageSize * imageSize * channels }, () => stream.integer(256)),
    labels: Int32Array.from({ length: size }, () => stream.integer(CLASSES)),
    weights: new Float32Array(size).fill(1),
  };
}

/** A batch of images or tokens, as the configuration has it. A token tells the one after it. */
export function tinySamples(config: RunConfig, index: number): SampleBatch {
  if (config.data.format !== 'text') return tinyBatch(config, index);
  const { batchSize } = config.training;
  const { context } = config.model;
  const { integer } = randomStream(3, 'text', index);
  let token = 0;
  const tokens = Int32Array.from({ length: batchSize * (context + 1) }, (_, at) => {
    token = at % (context + 1) === 0 ? integer(CLASSES) : (2 * token + 1) % CLASSES;
    return token;
  });
  return { tokens, lengths: new Int32Array(batchSize).fill(context) };
}

/** Trains a job for some steps and returns the losses and the final state; `given` replaces parts of the initial one. */
export async function runSteps(engine: Engine, job: TinyJob, steps: number, given: HostTensors = {}) {
  const { layouts, initial, config } = job;
  const state = engine.createState({ ...initialState(layouts, initial, config.training), ...given });
  const stepper = await createStepper(engine, job);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++)
    losses.push(await stepper.step(state, tinySamples(config, step), step, 1e-3));
  const tensors = (await state.read()) as Record<string, HostTensor<'float32'>>;
  stepper.dispose();
  state.dispose();
  return { losses, tensors };
}

/** Tensors that tfjs holds after each of three steps of an eager engine: as many after all, where none is left behind. */
export async function tensorCounts(engine: Engine, job: TinyJob): Promise<number[]> {
  const state = engine.createState(initialState(job.layouts, job.initial, job.config.training));
  const stepper = await createStepper(engine, job);
  const counts: number[] = [];
  for (let step = 0; step < 3; step++) {
    await stepper.step(state, tinySamples(job.config, step), step, 1e-3);
    counts.push(tf.memory().numTensors);
  }
  stepper.dispose();
  state.dispose();
  return counts;
}

/** Everything that a step may hold: mixing, stochastic depth, clipping. */
export const fullStep = {
  training: { mixup: 0.8, cutmix: 1 },
  phases: Object.fromEntries(
    ['meta', 'incubate', 'finetune', 'train'].map((phase) => [phase, { epochs: 1, dropPath: 0.2, clip: 0.5 }]),
  ),
};

/** Ways to compute a step, by name: settings of training, and the model where it is another. */
const stepVariants: readonly (readonly [string, object, object])[] = [
  ['1 micro-batch', {}, {}],
  ['2 micro-batches', { accumulate: 2 }, {}],
  ['recomputed blocks', { recompute: true }, {}],
  ['a residual network', {}, tinyResnet],
  ['a decoder', {}, tinyGpt],
  ['a decoder in micro-batches', { accumulate: 2 }, tinyGpt],
  ['an LSTM', {}, tinyLstm],
  ['a GRU', {}, tinyGru],
];

/** Each way of a step with each job, or with one job of each kind where not all cases are tried. */
export function stepCases(): readonly (readonly [string, Job, RunConfig])[] {
  const tried = thorough ? Object.values(jobs) : [jobs.meta, jobs.middle, jobs.finetune];
  return stepVariants.flatMap(([variant, settings, model]) => {
    const config = tinyConfig({ ...fullStep, model, training: { ...fullStep.training, ...settings } });
    return tried.map((job) => [`${job.id}, ${variant}`, job, config] as const);
  });
}

/** The fine-tuning of a configured run on its data, from initial values, as `train` takes it. */
export async function tinyTraining(config: RunConfig) {
  const dataset = await openDataset(config);
  const classes = dataset.identity.classes.length;
  const modules = modulesOf(buildArchitecture(config.model, classes), config);
  const { network } = jobNetwork(jobs.finetune, modules, config, classes);
  const initial = initialise(networkParameters(network, true), 1, 'target');
  const training = { name: 'finetune', network, phase: config.phases.finetune, config, dataset, evaluateCold: false };
  return { training, initial };
}
