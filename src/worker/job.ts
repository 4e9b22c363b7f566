import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataName } from '../data/batch-options.ts';
import { batchesPerEpoch } from '../data/batches.ts';
import type { SampleSet } from '../data/dataset.ts';
import { assertSameDataset, outputsOf } from '../data/identity.ts';
import { openDataset } from '../data/open.ts';
import { openSamples } from '../data/samples.ts';
import { openEngine } from '../engine/engines.ts';
import type { Engine } from '../engine/program.ts';
import { shareDataset } from '../loader/share-dataset.ts';
import { initialise } from '../models/initialise.ts';
import { endsOfMeta, networkParameters, parameterCounts } from '../models/network.ts';
import { readJobResult } from '../protocol/job-result.ts';
import type { JobSpec } from '../protocol/messages.ts';
import { type JobResult, RUN_FORMAT } from '../protocol/run.ts';
import { jobDirectory } from '../protocol/run-files.ts';
import { damagedImages, type Met, meetDamage } from '../training/damage.ts';
import { createEvaluator } from '../training/evaluate.ts';
import { layoutsOf, parameterState } from '../training/network-layouts.ts';
import { type JobNetwork, jobNetwork } from '../training/phases.ts';
import { untrained } from '../training/progress.ts';
import { train } from '../training/trainer.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import type { HostTensors } from '../util/tensor.ts';
import type { Channel } from './channel.ts';
import { loadTraining, saveTraining } from './checkpoints.ts';
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
  const engine = pulsingEngine(
    await openEngine({ engine: name, threads: planned.threads, cudaGraphs, onWarning }),
    pulse,
  );
  const job = jobNetwork(spec.job, spec.modules, spec.config, outputsOf(dataset.identity));
  const ending =
    job.phase === null
      ? await evaluate(spec, job, dataset, engine, channel)
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
  { network, phase }: JobNetwork,
  dataset: SampleSet,
  engine: Engine,
  channel: Channel,
  pulse: Pulse,
): Promise<JobEnding> {
  if (phase === null) throw new RangeError(`${spec.job.id} has no phase to train in`);
  const { config, runDirectory, job } = spec;
  const root = join(jobDirectory(runDirectory, job.id), 'checkpoints');
  const initial = await initialWeights(spec, network);
  const { state: resumed, rejected } = await loadTraining(root);
  for (const { directory, reason } of rejected) {
    await channel.send({
      type: 'warning',
      message: `${directory} is damaged (${reason}); an earlier checkpoint is used`,
    });
  }
  if (resumed) {
    const { step } = resumed.progress;
    await channel.send({
      type: 'resumed',
      step,
      epoch: Math.floor(step / batchesPerEpoch(dataset.train.length, config.training.batchSize, config.data.repeats)),
    });
  }
  const training = {
    name: job.id,
    dataName: dataName(job, config.data.sharing),
    network,
    phase: config.phases[phase],
    config,
    dataset,
    evaluateCold: job.kind === 'finetune',
  };
  const { keep, keepBest } = config.checkpoint;
  const observer = observeTraining(channel, {
    engine: engine.name,
    config,
    async save(state, accuracy) {
      pulse.enter('checkpointing');
      const directory = await saveTraining(root, state, keep, keepBest ? { score: accuracy } : undefined);
      pulse.advance();
      return directory;
    },
  });
  const { finished, state, flops } = await trainWithRollbacks(
    config.execution,
    (from, rollbacks) => train(engine, { ...training, rollbacks }, initial, from, observer),
    { resumed, reload: async () => (await loadTraining(root)).state, tell: (message) => channel.send(message) },
  );
  if (!finished) return { stoppedAt: state.progress.step };

  const { evaluation, cold, step, seconds } = state.progress;
  if (!evaluation) throw new RangeError('a finished training has been evaluated');
  const damaged = damagedImages(state.progress);
  const weights = { ...state.parameters, ...state.statistics, ...frozenOfTarget(network, initial) };
  return {
    result: {
      format: RUN_FORMAT,
      job: job.id,
      metrics: evaluation,
      ...(cold ? { cold } : {}),
      weights: await writeJobWeights(runDirectory, job.id, weights, weightsMetadata(spec)),
      parameters: parameterCounts(network),
      steps: step,
      seconds,
      flops,
      engine: engine.name,
      ...(damaged > 0 ? { damaged } : {}),
    },
  };
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
  const weights = await readJobWeights(spec.runDirectory, spec.job.needs);
  const state = engine.createState(parameterState(layoutsOf(network), weights));
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
      ...(damaged > 0 ? { damaged } : {}),
    },
  };
}

/**
 * The weights that a job starts from. New modules and the meta model are drawn at random; the frozen slices around a
 * module are the trained meta model's; fine-tuning starts from all modules together, which is the assembly, with the meta model's stem and head where they
 * are kept.
 */
async function initialWeights(
  { job, config, runDirectory }: JobSpec,
  network: JobNetwork['network'],
): Promise<HostTensors> {
  switch (job.kind) {
    case 'meta':
      return initialise(networkParameters(network, true), config.seed, 'meta');
    case 'module':
      return {
        ...initialise(networkParameters(network, true), config.seed, 'target'),
        ...(await readJobWeights(runDirectory, job.needs)),
      };
    case 'finetune': {
      const weights = await readJobWeights(runDirectory, job.needs);
      return { ...weights, ...endsOfMeta(network, weights) };
    }
    case 'evaluate':
      return readJobWeights(runDirectory, job.needs);
  }
}

/** What of the target is not trained but belongs to it all the same. */
function frozenOfTarget(network: JobNetwork['network'], tensors: HostTensors): HostTensors {
  const kept = networkParameters(
    network.filter(({ origin }) => origin === 'target'),
    false,
  );
  return Object.fromEntries(kept.map(({ name }) => [name, tensors[name] as HostTensors[string]]));
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
