import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import type { DatasetIdentity } from '../protocol/run.ts';
import { evaluationBatchOptions, trainBatchOptions } from './batch-options.ts';
import { evaluationBatches, type TrainBatchOptions, trainBatches } from './batches.ts';
import type { SampleBatch, SampleSet, Samples } from './dataset.ts';
import { describeDataset, openDataset } from './open.ts';
import { openText } from './text/open-text.ts';
import { tokenizerText } from './text/tokenizer-file.ts';
import { evaluationSequences, trainingSequences } from './text/windows.ts';

/** Opens the configured images or text. Throws DATA_* where there are none, or they are damaged. */
export async function openSamples(config: RunConfig): Promise<SampleSet> {
  return readsText(config) ? openText(config) : openDataset(config);
}

export interface SampleDescription {
  readonly identity: DatasetIdentity;
  /** The file of the tokenizer, of text. */
  readonly tokenizer?: string;
}

/** What the configured images or text are: without decoding an image, but with all of the text as tokens. Throws as {@link openSamples}. */
export async function describeSamples(config: RunConfig): Promise<SampleDescription> {
  if (!readsText(config)) return { identity: await describeDataset(config) };
  const { identity, tokenizer } = await openText(config);
  return { identity, tokenizer: tokenizerText(tokenizer.vocabulary) };
}

/** The batches of a configured epoch, from one on. */
export function trainingBatches(
  samples: Samples,
  config: RunConfig,
  at: Pick<TrainBatchOptions, 'stream' | 'epoch' | 'firstBatch'>,
): AsyncIterable<SampleBatch> {
  if (!('tokens' in samples)) return trainBatches(samples, trainBatchOptions(config, at));
  const { batchSize } = config.training;
  const make = trainingSequences(samples, { ...at, seed: config.seed }, batchSize);
  return batchesOf(make, at.firstBatch, Math.floor(samples.length / batchSize));
}

/** The batches of an evaluation, of this size. */
export function evaluatedBatches(samples: Samples, config: RunConfig, batchSize: number): AsyncIterable<SampleBatch> {
  if (!('tokens' in samples)) return evaluationBatches(samples, evaluationBatchOptions(config, batchSize));
  return batchesOf(evaluationSequences(samples, batchSize), 0, Math.ceil(samples.length / batchSize));
}

/** Text lies in memory as tokens: making a batch takes less time than asking a thread for it. */
async function* batchesOf<Batch>(make: (index: number) => Batch, from: number, to: number): AsyncGenerator<Batch> {
  for (let index = from; index < to; index++) yield make(index);
}
