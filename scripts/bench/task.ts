import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.ts';
import { readsText } from '../../src/config/data-formats.ts';
import type { CudaGraphs, EngineName } from '../../src/config/engines.ts';
import { normalisationOf } from '../../src/data/normalisation.ts';
import type { Tuning } from '../../src/engine/onnx-tuning.ts';
import { divide } from '../../src/models/divide.ts';
import { initialise } from '../../src/models/initialise.ts';
import { networkParameters } from '../../src/models/network.ts';
import { describeModel } from '../../src/models/registry.ts';
import { layoutsOf } from '../../src/training/network-layouts.ts';
import { jobNetwork } from '../../src/training/phases.ts';
import { randomStream } from '../../src/util/random.ts';
import { type HostTensors, int32, uint8 } from '../../src/util/tensor.ts';
import type { BenchCase } from './cases.ts';

/** What a peer is told, as a JSON file whose path is its argument. */
export interface BenchTask {
  readonly threads: number;
  /** Ours; `cpu` where absent. */
  readonly engine?: EngineName;
  /** Where the engine torch and PyTorch compute; `cpu` where absent. */
  readonly device?: 'cpu' | 'cuda';
  readonly cudaGraphs?: CudaGraphs;
  /** How our side differs from how it runs otherwise. */
  readonly tuning?: Partial<Tuning>;
  readonly config: BenchCase['config'];
  readonly model: BenchCase['config']['model'];
  readonly classes: number;
  readonly module?: number;
  readonly lr: number;
  readonly adamw: {
    readonly weightDecay: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly eps: number;
  };
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Names of the parameters under weight decay. */
  readonly decayed: readonly string[];
  /**
   * Safetensors files: the initial parameters; `images` [B, S, S, C] uint8 and `labels` [B] int32, or `tokens` [B, T + 1]
   * int32.
   */
  readonly weights: string;
  readonly batch: string;
}

/** The network that a case trains. */
export function networkOf({ config, classes, module }: Pick<BenchCase, 'config' | 'classes' | 'module'>) {
  if (module === undefined) return jobNetwork({ id: 'finetune', kind: 'finetune' }, [], config, classes).network;
  const modules = divide(describeModel(config.model, classes).blockCosts, config.division);
  return jobNetwork({ id: `module-${module}`, kind: 'module', module }, modules, config, classes).network;
}

/** Writes a case's weights and batch to a folder. */
export async function writeTask(bench: BenchCase, folder: string): Promise<Omit<BenchTask, 'threads'>> {
  const { config, classes } = bench;
  const network = networkOf(bench);
  const { weightDecay, beta1, beta2, eps } = config.training;
  const [weights, batch] = [join(folder, 'weights.safetensors'), join(folder, 'batch.safetensors')];
  const parameters = [true, false].flatMap((trainable) => networkParameters(network, trainable));
  await write(weights, initialise(parameters, 0, 'bench'));
  await write(batch, drawBatch(bench));
  const { trained } = layoutsOf(network);
  return {
    config,
    model: config.model,
    classes,
    ...(bench.module === undefined ? {} : { module: bench.module }),
    lr: config.phases.finetune.lr,
    adamw: { weightDecay, beta1, beta2, eps },
    ...normalisationOf(config),
    decayed: trained.parameters.filter(({ decay }) => decay).map(({ name }) => name),
    weights,
    batch,
  };
}

function drawBatch({ config: { data, model, training }, classes }: BenchCase): HostTensors {
  const { batchSize } = training;
  const { integer } = randomStream(1, 'bench');
  if (readsText({ data })) {
    const shape = [batchSize, model.context + 1] as const;
    return {
      tokens: int32(
        Int32Array.from({ length: shape[0] * shape[1] }, () => integer(classes)),
        shape,
      ),
    };
  }
  const shape = [batchSize, model.imageSize, model.imageSize, model.channels];
  const bytes = shape.reduce((product, extent) => product * extent, 1);
  return {
    images: uint8(
      Uint8Array.from({ length: bytes }, () => integer(256)),
      shape,
    ),
    labels: int32(Int32Array.from({ length: batchSize }, () => integer(classes))),
  };
}

async function write(path: string, tensors: HostTensors): Promise<void> {
  await writeFile(path, Buffer.concat(encodeSafetensors(tensors)));
}
