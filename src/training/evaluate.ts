import type { RunConfig } from '../config/schema.ts';
import { giveBack } from '../data/batch-images.ts';
import type { DamagedImage, Samples } from '../data/dataset.ts';
import { evaluatedBatches } from '../data/samples.ts';
import type { Engine, EngineState, Executable } from '../engine/program.ts';
import type { Network, StatePart } from '../models/network.ts';
import type { Evaluation } from '../protocol/run.ts';
import { taskOf } from '../tasks/task.ts';
import type { HostTensor } from '../util/tensor.ts';
import { nothingToEvaluate } from './damage.ts';
import { evaluateProgram } from './evaluate-program.ts';

/** Largest batch of an evaluation; it needs no gradients, so it is chosen for speed and not for memory. */
const EVALUATION_BATCH = 256;

export type OnDamage = (damaged: readonly DamagedImage[]) => void;

/** Evaluates a network whose parameters are in an engine's state. */
export interface Evaluator {
  /**
   * @param onDamage told of images that cannot be decoded and are left out, where such images are skipped
   * @throws DATA_DAMAGE where no image can be decoded
   */
  evaluate(state: EngineState, split: Samples, onDamage?: OnDamage): Promise<Evaluation>;
  dispose(): void;
}

/** @param parts whose tensors the state holds, where they are more than the network's */
export async function createEvaluator(
  engine: Engine,
  name: string,
  network: Network,
  config: RunConfig,
  split: Samples,
  parts: readonly StatePart[] = network,
): Promise<Evaluator> {
  const batchSize = Math.min(EVALUATION_BATCH, config.training.batchSize, split.length);
  const program = await engine.compile(evaluateProgram(name, network, config, batchSize, parts));
  return {
    evaluate: (state, samples, onDamage) => evaluateSplit(program, state, samples, config, batchSize, onDamage),
    dispose: () => program.dispose(),
  };
}

async function evaluateSplit(
  program: Executable,
  state: EngineState,
  split: Samples,
  config: RunConfig,
  batchSize: number,
  onDamage: OnDamage = () => {},
): Promise<Evaluation> {
  const task = taskOf(config);
  const sums = { top1: 0, top5: 0, loss: 0, count: 0 };
  for await (const batch of evaluatedBatches(split, config, batchSize)) {
    if ('damaged' in batch && batch.damaged) onDamage(batch.damaged);
    const outputs = await program.run(state, task.batchFeeds(batch));
    giveBack(batch);
    for (const key of ['top1', 'top5', 'loss', 'count'] as const) sums[key] += scalarOf(outputs, key);
  }
  if (sums.count === 0) throw nothingToEvaluate(split.length);
  return task.summary({ top1: sums.top1 / sums.count, top5: sums.top5 / sums.count, loss: sums.loss / sums.count });
}

/** A scalar output of a program. */
export function scalarOf(outputs: Readonly<Record<string, HostTensor>>, name: string): number {
  const value = outputs[name]?.data[0];
  if (value === undefined) throw new RangeError(`the program returned no '${name}'`);
  return value;
}
