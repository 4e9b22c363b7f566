import type { RunConfig } from '../../config/schema.ts';
import type { SampleBatch, Samples } from '../../data/dataset.ts';
import { sampleSplit } from '../../data/sample.ts';
import { evaluatedBatches } from '../../data/samples.ts';
import { sampleText } from '../../data/text/windows.ts';
import type { Engine } from '../../engine/program.ts';
import type { Diagnostics, InterfaceDiagnostics } from '../../protocol/run.ts';
import { taskOf } from '../../tasks/task.ts';
import type { HostTensors } from '../../util/tensor.ts';
import { parameterState } from '../network-layouts.ts';
import { linearCka } from './cka.ts';
import { type Assembly, assemblyLayouts, diagnosticsProgram } from './program.ts';

/** Validation images, or sequences, that an assembly is looked at with; comparing them costs two forward passes each. */
const SAMPLE = 512;
/** Largest batch; no gradients are kept, so that it needs less memory than training. */
const BATCH = 128;

/** What is collected of one interface, a number or a row for each image or sequence. */
interface Collected {
  readonly normRatios: number[];
  readonly normErrors: number[];
  readonly outputErrors: number[];
  readonly assembled: Float32Array[];
  readonly meta: Float32Array[];
}

/**
 * Compares an assembly with the meta model at every interface between modules, on at most 512 validation images, or
 * sequences, that are the same for every run on the same split. Images that cannot be decoded are left out where such are skipped.
 *
 * @param weights every parameter and statistic of both networks by key
 */
export async function diagnoseAssembly(
  engine: Engine,
  name: string,
  assembly: Assembly,
  { config, weights, validation }: { config: RunConfig; weights: HostTensors; validation: Samples },
): Promise<Diagnostics> {
  const sample =
    'tokens' in validation ? sampleText(validation, SAMPLE) : sampleSplit(validation, SAMPLE, 'diagnostics');
  const batchSize = Math.min(BATCH, config.training.batchSize, sample.length);
  const task = taskOf(config);
  const program = await engine.compile(diagnosticsProgram(name, assembly, config, batchSize));
  const state = engine.createState(parameterState(assemblyLayouts(assembly), weights));
  const collected = assembly.modules
    .slice(0, -1)
    .map((): Collected => ({ normRatios: [], normErrors: [], outputErrors: [], assembled: [], meta: [] }));
  try {
    for await (const batch of evaluatedBatches(sample, config, batchSize)) {
      const outputs = await program.run(state, task.batchFeeds(batch));
      for (const [index, into] of collected.entries()) collect(into, index, outputs, batch);
    }
  } finally {
    state.dispose();
    program.dispose();
  }
  return { images: collected[0]?.normRatios.length ?? 0, interfaces: collected.map(summary) };
}

/** Takes what a batch gave of the samples in it; the places of others have a weight, or a length, of 0. */
function collect(into: Collected, index: number, outputs: HostTensors, batch: SampleBatch): void {
  const weights = 'tokens' in batch ? batch.lengths : batch.weights;
  const norms = output(outputs, `norms.${index}`);
  const [assembled, meta] = [output(outputs, `assembled.${index}`), output(outputs, `meta.${index}`)];
  const width = meta.length / weights.length;
  for (const [row, weight] of weights.entries()) {
    if (weight === 0) continue;
    const norm = (kind: number) => norms[kind * weights.length + row] as number;
    const [ours, reference, difference] = [norm(0), norm(1), norm(2)] as const;
    into.normRatios.push(ours / reference);
    into.normErrors.push(Math.abs(ours - reference) / reference);
    into.outputErrors.push(difference / reference);
    into.assembled.push(assembled.slice(row * width, (row + 1) * width));
    into.meta.push(meta.slice(row * width, (row + 1) * width));
  }
}

function summary(collected: Collected, module: number): InterfaceDiagnostics {
  const { normRatios, normErrors, outputErrors, assembled, meta } = collected;
  return {
    module,
    normRatio: mean(normRatios),
    normError: mean(normErrors),
    outputError: mean(outputErrors),
    cka: linearCka(assembled, meta),
  };
}

function output(outputs: HostTensors, name: string): Float32Array {
  const tensor = outputs[name];
  if (tensor?.dtype !== 'float32') throw new RangeError(`the program returned no '${name}'`);
  return tensor.data;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
