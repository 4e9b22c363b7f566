/*
 * A job that reads training batches and does nothing with them: as told by the JSON that is its argument. Prints what it
 * took; the processor times are of the whole process, and of what came after its data set was open.
 */
import { giveBack } from '../../../src/data/batch-images.ts';
import { trainBatchOptions } from '../../../src/data/batch-options.ts';
import { batchesPerEpoch, trainBatches } from '../../../src/data/batches.ts';
import { openDataset } from '../../../src/data/open.ts';
import { shareDataset } from '../../../src/loader/share-dataset.ts';
import type { ConsumerReport, ConsumerTask } from '../consumer-task.ts';

const { config, identity, stream, epochs, address } = JSON.parse(process.argv[2] as string) as ConsumerTask;
const open = () => openDataset(config);
const onWarning = (text: string) => console.error(text);
const { train } =
  address === undefined ? await open() : (await shareDataset({ address, config, identity, open, onWarning })).dataset;
const before = process.cpuUsage();
const started = performance.now();
let checksum = 0;
for (let epoch = 0; epoch < epochs; epoch++) {
  for await (const batch of trainBatches(train, trainBatchOptions(config, { stream, epoch, firstBatch: 0 }))) {
    const { images, labels } = batch;
    checksum = (checksum * 31 + (images[images.length >> 1] as number) + (labels[0] as number)) % 1_000_003;
    giveBack(batch);
  }
}
const seconds = (performance.now() - started) / 1000;
const cpuSecondsOf = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1e6;
const report: ConsumerReport = {
  images: epochs * batchesPerEpoch(train.length, config.training.batchSize) * config.training.batchSize,
  checksum,
  seconds,
  reading: cpuSecondsOf(process.cpuUsage(before)),
  cpu: cpuSecondsOf(process.cpuUsage()),
};
console.log(JSON.stringify(report));
process.exit(0);
