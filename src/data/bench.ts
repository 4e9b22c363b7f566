import type { RunConfig } from '../config/schema.ts';
import { randomStream } from '../util/random.ts';
import { giveBack } from './batch-images.ts';
import { batchesPerEpoch, trainBatches } from './batches.ts';
import type { Dataset } from './dataset.ts';
import { decodeFor, doWork } from './decoding/do-work.ts';
import { mostThreads } from './decoding/threads.ts';
import type { Work, WorkItem } from './decoding/work.ts';
import { openDataset } from './open.ts';
import { augmentationOf } from './transforms/augmentation.ts';
import { augmentScaled } from './transforms/train-image.ts';

/** How fast training batches of a data set are made. */
export interface DataBench {
  readonly source: string;
  /** Images of the batches that were made. */
  readonly images: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Threads that images are worked on in. */
  readonly threads: number;
  /** Images that were kept in memory when they were met again. */
  readonly cached: boolean;
  /** Milliseconds of the processor for an image, from its file or source: mean of a sample. */
  readonly image: {
    readonly sample: number;
    readonly decode: number;
    readonly transform: number;
    /** Of both together. */
    readonly decodeShare: number;
  };
}

/** Images of the sample. */
const SAMPLE = 200;
const ROUNDS = 5;
const STREAM = 'bench';

/**
 * Makes the training batches that a configuration describes for some seconds, epoch after epoch, as a job would.
 *
 * @throws DATA_* where there is no data set, or an image cannot be decoded
 */
export async function benchDataset(config: RunConfig, seconds: number): Promise<DataBench> {
  const dataset = await openDataset(config);
  const { batchSize } = config.training;
  const perEpoch = batchesPerEpoch(dataset.train.length, batchSize, config.data.repeats);
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  let batches = 0;
  for (let epoch = 0; elapsed() < seconds; epoch++) {
    for await (const batch of batchesOf(config, dataset, epoch)) {
      giveBack(batch);
      batches += 1;
      if (elapsed() >= seconds) break;
    }
  }
  const taken = elapsed();
  const { imageSize, channels } = config.model;
  const isKept = augmentationOf(config).crop === undefined;
  const bytes = (dataset.train.length + dataset.validation.length) * imageSize ** 2 * channels;
  return {
    source: config.data.source,
    images: batches * batchSize,
    seconds: taken,
    imagesPerSecond: (batches * batchSize) / taken,
    threads: mostThreads(),
    cached: isKept && batches > perEpoch && bytes <= config.data.cacheMiB * 2 ** 20,
    image: await sampleOf(config, dataset),
  };
}

function batchesOf(config: RunConfig, { train }: Dataset, epoch: number) {
  const { data, model, training, seed } = config;
  return trainBatches(train, {
    seed,
    stream: STREAM,
    epoch,
    firstBatch: 0,
    batchSize: training.batchSize,
    imageSize: model.imageSize,
    channels: model.channels,
    prefetch: data.prefetch,
    augment: augmentationOf(config),
    repeats: data.repeats,
    onDamage: data.onDamage,
  });
}

/** The processor's time for decoding and for what follows, image after image on this thread. */
async function sampleOf(config: RunConfig, { train }: Dataset): Promise<DataBench['image']> {
  const { data, model, seed } = config;
  const augment = augmentationOf(config);
  const { imageSize: size, channels } = model;
  const work: Work = augment.crop
    ? { kind: 'crop', size, channels, augment }
    : { kind: 'scale', size, channels, resize: data.resize };
  const { stored } = train;
  if (!stored) throw new RangeError('the images of this data set cannot be read one by one');
  const target = new Uint8Array(size * size * channels);
  const sample = Math.min(SAMPLE, train.length);
  const slot = { size, channels, target, offset: 0 };
  const random = randomStream(seed, STREAM);
  const noise = target.map(() => random.integer(256));
  let decode = 0;
  let transform = 0;
  // Several rounds, of which the last counts: code becomes fast as it runs.
  for (let round = 0; round < ROUNDS; round++) {
    const ofEach = (use: (item: WorkItem) => Promise<void>) =>
      processorTime(async () => {
        for (let place = 0; place < sample; place++) {
          const index = Math.floor((place * train.length) / sample);
          const key = { seed, stream: STREAM, epoch: round, index };
          await use({ work, image: await stored.read(index), name: stored.name(index), key });
        }
      });
    decode = await ofEach(async (item) => {
      await decodeFor(item);
    });
    // A crop decides on what is decoded, so that what follows is what is left of the whole.
    transform = augment.crop
      ? Math.max(0, (await ofEach(async (item) => doWork(item, target, 0))) - decode)
      : await processorTime(async () => {
          for (let index = 0; index < sample; index++) {
            augmentScaled(noise, augment, { seed, stream: STREAM, epoch: round, index }, slot);
          }
        });
  }
  return { sample, decode: decode / sample, transform: transform / sample, decodeShare: decode / (decode + transform) };
}

/** Milliseconds of the processor. */
async function processorTime(work: () => Promise<void>): Promise<number> {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}
