import type { SampleBatch } from '../data/dataset.ts';
import { openEngine } from '../engine/engines.ts';
import type { LocalObjective, Objective } from '../methods/objective.ts';
import { phaseOf } from '../protocol/plan.ts';
import { taskOf } from '../tasks/task.ts';
import { drawDropPath } from '../training/drop-path.ts';
import { scalarOf } from '../training/evaluate.ts';
import { microBatchRows } from '../training/micro-batches.ts';
import { jobNetwork } from '../training/phases.ts';
import { optimiserScalars, stepSettings } from '../training/stepper.ts';
import { trainProgram } from '../training/train-programs.ts';
import { collectGarbage } from '../util/garbage.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import type { Lesson, StageSpec } from './messages.ts';

/** One module of several that are trained side by side, where it is computed. */
export interface Stage {
  /** Feeds of a batch for step `step`. */
  draw(batch: SampleBatch, step: number): Lesson;
  /** One step of the optimiser. @returns its loss, and what the next module learns from where there is one */
  learn(lesson: Lesson, step: number, lr: number): Promise<{ readonly loss: number; readonly next?: Lesson }>;
  write(tensors: HostTensors): void;
  /** The tensors of these names that there are. */
  read(names: readonly string[]): Promise<HostTensors>;
}

/** The objective of a method whose modules have losses of their own. Throws RangeError where they have none. */
export function localObjective(objective: Objective): LocalObjective {
  if (objective.kind !== 'local') throw new RangeError('modules without losses of their own have no stages');
  return objective;
}

/** Its program is compiled when the first lesson comes, which tells the shape of the features. */
export async function openStage(spec: StageSpec, index: number, initial: HostTensors): Promise<Stage> {
  const { config, job, modules, outputs, threads } = spec;
  const phase = phaseOf[job.kind];
  if (phase === null) throw new RangeError(`${job.id} has no phase to train in`);
  const { cudaGraphs } = config.devices;
  const engine = await openEngine({ engine: spec.engine, threads, cudaGraphs, onWarning: console.error });
  const state = engine.createState(initial);
  const { network, objective: whole } = jobNetwork(job, modules, config, outputs);
  const all = localObjective(whole).modules;
  const passesOn = index < all.length - 1;
  const prepare = async (features: HostTensor | undefined) => {
    collectGarbage();
    const stage = { passesOn, ...(features && { features: { dtype: features.dtype, shape: features.shape } }) };
    const objective: LocalObjective = { kind: 'local', modules: all.slice(index, index + 1), stage };
    const settings = stepSettings({ name: job.id, network, objective, phase: config.phases[phase], config });
    return { settings, executable: await engine.compile(trainProgram(settings)) };
  };
  const { batchSize } = config.training;
  const rows = microBatchRows(batchSize, 1, 0);
  const keyOf = (step: number) => ({ seed: config.seed, stream: job.id, step });
  let prepared: Awaited<ReturnType<typeof prepare>> | undefined;
  return {
    draw: (batch, step) => ({ feeds: taskOf(config).drawFeeds(batch, keyOf(step)) }),
    async learn({ feeds, features }, step, lr) {
      prepared ??= await prepare(features);
      const { settings, executable } = prepared;
      const { dropPath } = settings;
      const results = await executable.run(state, {
        ...feeds,
        ...(features && { features }),
        ...(dropPath.feed ? { dropPath: drawDropPath(dropPath, batchSize, rows, keyOf(step)) } : {}),
        ...optimiserScalars(settings, step + 1, lr),
      });
      const loss = scalarOf(results, 'loss');
      return passesOn ? { loss, next: { feeds, features: results.features as HostTensor } } : { loss };
    },
    write: (tensors) => state.write(tensors),
    read: (names) => state.read(names.filter((name) => name in initial)),
  };
}
