import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAsynchronous } from '../config/methods.ts';
import { dataName } from '../data/batch-options.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import type { SampleSet } from '../data/dataset.ts';
import { assertSameDataset, outputsOf } from '../data/identity.ts';
import { samplesOfModule } from '../data/module-share.ts';
import { openDataset } from '../data/open.ts';
import { openSamples } from '../data/samples.ts';
import { openEngine } from '../engine/engines.ts';
import type { Engine } from '../engine/program.ts';
import { shareDataset } from '../loader/share-dataset.ts';
import type { JobNetwork } from '../methods/method.ts';
import { statePartsOf } from '../methods/objective.ts';
import { initialise } from '../models/initialise.ts';
import { networkParameters, parameterCounts } from '../models/network.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { JobSpec } from '../protocol/messages.ts';
import { phaseOf } from '../protocol/plan.ts';
import { type JobResult, RUN_FORMAT } from '../protocol/run.ts';
import { jobDirectory } from '../protocol/run-files.ts';
import { type Chain, openChain } from '../stages/chain.ts';
import { damagedImages, type Met, meetDamage } from '../training/damage.ts';
import { createEvaluator } from '../training/evaluate.ts';
import { layoutsOf, parameterState } from '../training/network-layouts.ts';
import { jobNetwork } from '../training/phases.ts';
import { untrained } from '../training/progress.ts';
import { train } from '../training/trainer.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { collectGarbage } from '../util/garbage.ts';
import { peakBytes } from '../util/peak-memory.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import type { Channel } from './channel.ts';
import { findTraining, saveTraining } from './checkpoints.ts';
import { diagnose } from './diagnose.ts';
import { observeTraining } from './observer.ts';
import type { Pulse } from './pulse.ts';
import { pulsingEngine } from './pulsing-engine.ts';
import { trainWithRollbacks } from './rollbacks.ts';
import { readJobWeights, writeJobWeights } from './weights.ts';

/** How a job's process ends when nothing failed. */
export type JobEnding = { readonly result: JobResult } | { readonly stoppedAt: number };

/**
 * Runs one job of a run to its end, or until the channel asks it to stop, in which case its state is saved.
 *
 * A job that had finished already returns its result again; one that was interrupted goes on from its newest intact
 * checkpoint.
 */
export async function runJob(specPath: string, channel: Channel, pulse: Pulse): Promise<JobEnding> {
  const spec = JSON.parse(await readFile(specPath, 'utf8')) as JobSpec;
  const resultPath = join(jobDirectory(spec.runDirectory, spec.job.id), 'result.json');
  if (existsSync(resultPath)) return { result: await readJobResult(spec.runDirectory, spec.job.id) };

  const onWarning = (message: string) => void channel.send({ type: 'warning', message });
  const dataset = await openJobDataset(spec, onWarning);
  const { engine: name, job: planned } = spec;
  const { cudaGraphs } = spec.config.devices;
  const engine = await openEngine({ engine: name, threads: planned.threads, cudaGraphs, onWarning });
  const job = jobNetwork(spec.job, spec.modules, spec.config, outputsOf(dataset.identity));
  const ending =
    phaseOf[spec.job.kind] === null
      ? await evaluate(spec, job, dataset, pulsingEngine(engine, pulse), channel)
      : await trainJob(spec, job, dataset, engine, channel, pulse);
  if ('result' in ending) {
    await writeFileAtomic(resultPath, `${JSON.stringify(ending.result, null, 2)}\n`);
  }
  return ending;
}

/** The run's data set, from its loader where it has one. Throws DATA_CHANGED where it is another than the run's. */
async function openJobDataset(
  { config, dataset: identity, loader }: JobSpec,
  onWarning: (message: string) => void,
): Promise<SampleSet> {
  const checked = async <Opened extends SampleSet>(opening: Promise<Opened>) => {
    const opened = await opening;
    assertSameDataset(identity, opened.identity);
    return opened;
  };
  if (loader === undefined) return checked(openSamples(config));
  const open = () => checked(openDataset(config));
  return (await shareDataset({ address: loader, config, identity, open, onWarning })).dataset;
}

async function trainJob(
  spec: JobSpec,
  trained: JobNetwork,
  whole: SampleSet,
  engine: Engine,
  channel: Channel,
  pulse: Pulse,
): Promise<JobEnding> {
  const { config, runDirectory, job } = spec;
  const { network, objective } = trained;
  const phase = phaseOf[job.kind];
  if (phase === null) throw new RangeError(`${job.id} has no phase to train in`);
  const dataset = datasetOf(spec, whole);
  const root = join(jobDirectory(runDirectory, job.id), 'checkpoints');
  const { saved, rejected } = await findTraining(root);
  for (const { directory, reason } of rejected) {
    await channel.send({
      type: 'warning',
      message: `${directory} is damaged (${reason}); an earlier checkpoint is used`,
    });
  }
  if (saved) {
    const { step } = saved.progress;
    await channel.send({
      type: 'resumed',
      step,
      epoch: Math.floor(step / batchesPerEpoch(dataset.train.length, config.training.batchSize, config.data.repeats)),
    });
  }
  // Not in the pulse: states come once, and limits are for the steps of training.
  const diagnostics = await diagnose(spec, network, () => initialWeights(spec, trained), dataset, engine);
  if (diagnostics && !saved) await channel.send({ type: 'diagnosed', diagnostics });
  const training = {
    name: job.id,
    dataName: dataName(job, config.data.sharing),
    network,
    objective,
    phase: config.phases[phase],
    config,
    dataset,
    evaluateCold: job.kind === 'finetune',
  };
  const { keep, keepBest } = config.checkpoint;
  const observer = observeTraining(channel, {
    engine: engine.name,
    config,
    async save(state, score) {
      pulse.enter('checkpointing');
      const directory = await saveTraining(root, state, keep, keepBest ? { score } : undefined);
      pulse.advance();
      return directory;
    },
  });
  const pulsing = pulsingEngine(engine, pulse);
  const chain = isAsynchronous(config) ? chainOf(spec, trained, dataset, pulsing, pulse) : undefined;
  const { finished, state, flops } = await trainWithRollbacks(
    config.execution,
    (from, rollbacks) => {
      const steps = chain ? { createStepper: chain.createStepper } : {};
      const start = async () => ({
        initial: await initialWeights(spec, trained),
        resumed: (await from?.read()) ?? null,
      });
      return train(chain?.engine ?? pulsing, { ...training, ...steps, rollbacks }, start, observer);
    },
    { saved, reload: async () => (await findTraining(root)).saved, tell: (message) => channel.send(message) },
  );
  if (!finished) return { stoppedAt: state.progress.step };

  const { evaluation, cold, step, seconds } = state.progress;
  if (!evaluation) throw new RangeError('a finished training has been evaluated');
  const damaged = damagedImages(state.progress);
  const product = [true, false].flatMap((trainable) => networkParameters(trained.product, trainable));
  const moved: HostTensors = { ...state.parameters, ...state.statistics };
  // Read again only where the product has parts that nothing moved.
  const given = product.every(({ name }) => name in moved) ? {} : await givenWeights(spec, trained);
  const weights = product.map(({ name }) => [name, moved[name] ?? given[name]] as [string, HostTensor]);
  return {
    result: {
      format: RUN_FORMAT,
      job: job.id,
      metrics: evaluation,
      ...(cold ? { cold } : {}),
      ...(diagnostics ? { diagnostics } : {}),
      weights: await writeJobWeights(runDirectory, job.id, Object.fromEntries(weights), weightsMetadata(spec)),
      parameters: parameterCounts(statePartsOf(network, objective)),
      steps: step,
      seconds,
      flops,
      engine: engine.name,
      peakBytes: peakBytes() + (chain?.peakBytes() ?? 0),
      ...(damaged > 0 ? { damaged } : {}),
    },
  };
}

/** Processes for the modules, which share the job's threads and have the run's devices in turn. */
function chainOf(
  { config, job, modules, engine: name, devices }: JobSpec,
  trained: JobNetwork,
  { identity }: SampleSet,
  engine: Engine,
  pulse: Pulse,
): Chain {
  const threads = Math.max(1, Math.floor(job.threads / modules.length));
  const spec = { config, job, modules, outputs: outputsOf(identity), engine: name, threads, devices };
  pulse.enter('compiling');
  return openChain(engine, spec, trained, () => {
    pulse.enter('running');
    pulse.advance();
  });
}

/** Evaluates the weights of the job that this one needs, as they are on disk. */
async function evaluate(
  spec: JobSpec,
  { network }: JobNetwork,
  dataset: SampleSet,
  engine: Engine,
  channel: Channel,
): Promise<JobEnding> {
  const started = performance.now();
  const [source] = spec.job.needs;
  if (source === undefined) throw new RangeError(`${spec.job.id} needs a finished job to evaluate`);
  const trained = await readJobResult(spec.runDirectory, source);
  const state = engine.createState(
    parameterState(layoutsOf(network), await readJobWeights(spec.runDirectory, spec.job.needs)),
  );
  collectGarbage();
  const evaluator = await createEvaluator(engine, spec.job.id, network, spec.config, dataset.validation);
  const met: Met = { damaged: untrained.damaged };
  const metrics = await evaluator.evaluate(state, dataset.validation, (images) =>
    meetDamage(
      spec.config,
      spec.job.id,
      met,
      'validation',
      images,
      (details) => void channel.send({ type: 'damaged', ...details }),
    ),
  );
  const damaged = damagedImages(met);
  return {
    result: {
      format: RUN_FORMAT,
      job: spec.job.id,
      metrics,
      weights: trained.weights,
      parameters: { trained: 0, frozen: parameterCounts(network).trained },
      steps: 0,
      seconds: (performance.now() - started) / 1000,
      flops: 0,
      engine: engine.name,
      peakBytes: peakBytes(),
      ...(damaged > 0 ? { damaged } : {}),
    },
  };
}

/** What a job sees; a module that has training images, or text, of its own sees no others. */
function datasetOf({ job, config, modules }: JobSpec, dataset: SampleSet): SampleSet {
  if (config.method.moduleData === 'shared' || job.module === undefined) return dataset;
  return { ...dataset, train: samplesOfModule(dataset.train, modules.length, job.module, config.seed) };
}

/** The weights that a job starts from: those given, and what is drawn at random. */
async function initialWeights(spec: JobSpec, trained: JobNetwork): Promise<HostTensors> {
  const model = spec.job.kind === 'meta' ? 'meta' : 'target';
  const drawn = initialise(networkParameters(trained.drawn, true), spec.config.seed, model);
  return { ...drawn, ...(await givenWeights(spec, trained)) };
}

/** The weights of the jobs that a job needs, under their own names or as copies under others. */
async function givenWeights({ job, runDirectory }: JobSpec, { copies }: JobNetwork): Promise<HostTensors> {
  const given = await readJobWeights(runDirectory, job.needs);
  const copied = [...copies].map(([name, from]) => [name, given[from] as HostTensor]);
  return { ...given, ...Object.fromEntries(copied) };
}

/** What a reader of the weights file needs to rebuild the network; nothing that differs between equal runs. */
function weightsMetadata({ job, config, modules, dataset }: JobSpec): Record<string, string> {
  return {
    format: 'pt',
    job: job.id,
    model: JSON.stringify(config.model),
    classes: JSON.stringify(dataset.classes),
    modules: JSON.stringify(modules),
  };
}
