import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { evaluationBatchOptions, trainBatchOptions } from '../../../src/data/batch-options.ts';
import { evaluationBatches, trainBatches } from '../../../src/data/batches.ts';
import type { Batch, Dataset, Split } from '../../../src/data/dataset.ts';
import { slotBytes } from '../../../src/loader/batch-slots.ts';
import { openLoaderClient } from '../../../src/loader/client.ts';
import { createFrameReader, encodeFrame } from '../../../src/loader/frames.ts';
import { createImageStore } from '../../../src/loader/image-store.ts';
import { LOADER_PROTOCOL, MAX_UNANSWERED } from '../../../src/loader/messages.ts';
import { openBatchStore } from '../../../src/loader/open-batch-store.ts';
import { type LoaderServer, startServer } from '../../../src/loader/server.ts';
import { shareDataset } from '../../../src/loader/share-dataset.ts';
import { createSharedFile } from '../../../src/loader/shared-file.ts';
import { IncubateError } from '../../../src/util/errors.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const IMAGES = { train: 70, validation: 21 };
const imageBytes = 6 * 6 * 3;
const fingerprint = 'of these images';

function configOf(sharing: 'images' | 'batches', onDamage: 'fail' | 'skip' = 'fail') {
  return runConfigSchema.parse({
    model: { imageSize: 6 },
    data: { sharing, padding: 2, prefetch: 3, onDamage },
    training: { batchSize: 8 },
  });
}

/** Images whose bytes follow from their index; a few milliseconds each, and not in order. */
function countedSplit(length: number, base: number, decoded: number[], reason: string): Split {
  return {
    length,
    label: (index) => index % 5,
    async image(index) {
      decoded.push(base + index);
      await delay((index * 7) % 4);
      if (base + index === 13) throw new IncubateError('DATA_IMAGE', reason, { hint: 'Repair it.' });
      return Uint8Array.from({ length: imageBytes }, (_, byte) => base + index + byte);
    },
  };
}

function datasetOf(decoded: number[] = [], reason = 'image 13 is damaged'): Dataset {
  const identity = { source: 'here', classes: ['a'], ...IMAGES, fingerprint };
  return {
    identity,
    train: countedSplit(IMAGES.train, 100, decoded, reason),
    validation: countedSplit(IMAGES.validation, 0, decoded, reason),
  };
}

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

interface Started {
  readonly address: string;
  readonly server: LoaderServer;
  /** Images that the loader decoded, in order; those of training from 100 on. */
  readonly decoded: number[];
}

interface Damage {
  readonly onDamage: 'fail' | 'skip';
  readonly reason: string;
}
const usual: Damage = { onDamage: 'fail', reason: 'image 13 is damaged' };

let count = 0;
async function start(
  sharing: 'images' | 'batches',
  room: number,
  at?: string,
  { onDamage, reason } = usual,
): Promise<Started> {
  const directory = at ?? join(temporaryDirectory(), `incubate-${count++}`);
  if (at === undefined) mkdirSync(directory);
  const decoded: number[] = [];
  const { train, validation } = datasetOf(decoded, reason);
  const config = configOf(sharing, onDamage);
  const bytes = slotBytes(config.training.batchSize, imageBytes);
  const labels = Int32Array.from({ length: IMAGES.train + IMAGES.validation }, (_, index) =>
    index < IMAGES.train ? train.label(index) : validation.label(index - IMAGES.train),
  );
  const file = createSharedFile(directory, labels, sharing === 'images' ? room * imageBytes : room * bytes);
  const store =
    sharing === 'images'
      ? { images: createImageStore(file, { imageSize: 6, channels: 3, splits: { train, validation } }) }
      : { batches: openBatchStore(config, { train, validation }, file, bytes) };
  const address = join(directory, 'loader');
  const server = await startServer(address);
  server.serve({ file, fingerprint, store });
  opened.push(server, file);
  return { address, server, decoded };
}

async function consumer(address: string, sharing: 'images' | 'batches', { onDamage, reason } = usual) {
  const decoded: number[] = [];
  const warnings: string[] = [];
  const own = datasetOf(decoded, reason);
  const shared = await shareDataset({
    address,
    config: configOf(sharing, onDamage),
    identity: own.identity,
    open: async () => own,
    onWarning: (message) => warnings.push(message),
  });
  opened.push(shared);
  return { dataset: shared.dataset, decoded, warnings, close: () => shared.close() };
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const epochOf = ({ train }: Dataset, sharing: 'images' | 'batches', stream: string, epoch = 0, firstBatch = 0) =>
  collect(trainBatches(train, trainBatchOptions(configOf(sharing), { stream, epoch, firstBatch })));

describe.each(['images', 'batches'] as const)('a loader of %s', (sharing) => {
  const streamOf = (consumer: number) => (sharing === 'batches' ? 'shared' : `module-${consumer}`);

  it('gives jobs the batches that they would have made, and decodes each image once for all', async () => {
    const { address, decoded } = await start(sharing, 200);
    const consumers = await Promise.all(Array.from({ length: 4 }, () => consumer(address, sharing)));
    const found = await Promise.all(consumers.map(({ dataset }, job) => epochOf(dataset, sharing, streamOf(job))));
    for (const [job, batches] of found.entries())
      expect(batches).toEqual(await epochOf(datasetOf(), sharing, streamOf(job)));
    expect(new Set(decoded).size).toBe(decoded.length);
    expect(consumers.flatMap(({ decoded, warnings }) => [...decoded, ...warnings])).toEqual([]);
  });

  it('gives them also where there is hardly any room', async () => {
    const { address } = await start(sharing, 3);
    const consumers = await Promise.all(Array.from({ length: 3 }, () => consumer(address, sharing)));
    const found = await Promise.all(consumers.map(({ dataset }, job) => epochOf(dataset, sharing, streamOf(job))));
    for (const [job, batches] of found.entries())
      expect(batches).toEqual(await epochOf(datasetOf(), sharing, streamOf(job)));
  });

  it('goes on from any batch, for jobs that come and go, exactly as if there had been no stop', async () => {
    const { address } = await start(sharing, 12);
    const whole = await epochOf(datasetOf(), sharing, streamOf(0), 1);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }), fc.nat(6), async (firsts, taken) => {
        const runs = firsts.map(async (firstBatch, which) => {
          const { dataset, close } = await consumer(address, sharing);
          const options = trainBatchOptions(configOf(sharing), { stream: streamOf(0), epoch: 1, firstBatch });
          const found: Batch[] = [];
          for await (const batch of trainBatches(dataset.train, options)) {
            // The first of them is stopped somewhere.
            if (which === 0 && found.length === taken) break;
            found.push(batch);
          }
          const expected = whole.slice(firstBatch);
          expect(found).toEqual(which === 0 ? expected.slice(0, taken) : expected);
          close();
        });
        await Promise.all(runs);
      }),
      { numRuns: 25 },
    );
  });

  it('passes on that an image is damaged, as the error that reading it throws', async () => {
    const { address } = await start(sharing, 200);
    const { dataset } = await consumer(address, sharing);
    const options = { batchSize: 8, imageSize: 6, channels: 3, prefetch: 1 };
    const error = await collect(evaluationBatches(dataset.validation, options)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IncubateError);
    expect(error).toMatchObject({ code: 'DATA_IMAGE', message: 'image 13 is damaged', hint: 'Repair it.' });
  });

  it('passes on which images others stand in for, where damage is skipped, also where that is too much for a message', async () => {
    for (const reason of ['image 13 is damaged', 'x'.repeat(2 ** 20)]) {
      const { address } = await start(sharing, 200, undefined, { onDamage: 'skip', reason });
      const { dataset, close } = await consumer(address, sharing, { onDamage: 'skip', reason });
      const options = evaluationBatchOptions(configOf(sharing, 'skip'), 8);
      const found = await collect(evaluationBatches(dataset.validation, options));
      expect(found).toEqual(await collect(evaluationBatches(datasetOf([], reason).validation, options)));
      expect(found[1]?.damaged).toEqual([{ index: 13, message: reason }]);
      close();
    }
  });

  it('does not suffer from a consumer that asks and never reads', async () => {
    const { address, server } = await start(sharing, 6);
    const silent = await rawConsumer(address);
    silent.socket.pause();
    for (let id = 0; id < MAX_UNANSWERED; id++) silent.socket.write(encodeFrame(requestOf(sharing, id)));
    for (let job = 0; job < 3; job++) {
      const { dataset } = await consumer(address, sharing);
      expect(await epochOf(dataset, sharing, streamOf(job))).toEqual(
        await epochOf(datasetOf(), sharing, streamOf(job)),
      );
    }
    expect(server.consumers).toBeGreaterThan(1);
    silent.socket.destroy();
  });

  it('has nothing to do with who sends nonsense, too much, or reads other images', async () => {
    const { address, server } = await start(sharing, 20);
    const asked = requestOf(sharing, 0);
    const bad: readonly (readonly object[])[] = [
      [asked],
      [{ type: 'hello', protocol: LOADER_PROTOCOL, fingerprint }, { type: 'what' }],
      [{ type: 'hello', protocol: LOADER_PROTOCOL, fingerprint }, asked, asked],
      [{ type: 'hello', protocol: LOADER_PROTOCOL + 1, fingerprint }],
      [{ type: 'hello', protocol: LOADER_PROTOCOL, fingerprint: 'of others' }],
    ];
    for (const messages of bad) {
      const socket = connect(address);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {});
      socket.resume();
      for (const message of messages) socket.write(encodeFrame(message));
      await closed;
    }
    const socket = connect(address);
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    socket.write(Buffer.alloc(100, 255));
    await closed;
    while (server.consumers > 0) await delay(5);
    const { dataset } = await consumer(address, sharing);
    expect(await epochOf(dataset, sharing, streamOf(0))).toHaveLength(8);
  });

  it('is asked again by its consumers when another takes its place', async () => {
    const first = await start(sharing, 200);
    const { dataset, decoded, warnings } = await consumer(first.address, sharing);
    const options = trainBatchOptions(configOf(sharing), { stream: streamOf(0), epoch: 0, firstBatch: 0 });
    const found: Batch[] = [];
    for await (const batch of trainBatches(dataset.train, options)) {
      found.push(batch);
      if (found.length === 2) {
        first.server.close();
        await delay(150);
        await start(sharing, 200, join(first.address, '..'));
      }
    }
    expect(found).toEqual(await epochOf(datasetOf(), sharing, streamOf(0)));
    expect([decoded, warnings]).toEqual([[], []]);
  });
});

it('a consumer that comes before the images are found waits, and need not look for them', async () => {
  const directory = join(temporaryDirectory(), 'incubate-early');
  mkdirSync(directory);
  const address = join(directory, 'loader');
  const coming = consumer(address, 'images');
  const server = await startServer(address);
  opened.push(server);
  const early = await rawConsumer(address, false);
  const alive = new Promise((resolve) => early.socket.on('data', createFrameReader(resolve)));
  expect(await alive).toEqual({ type: 'alive' });
  early.socket.destroy();
  const { train, validation } = datasetOf();
  const labels = Int32Array.from({ length: IMAGES.train + IMAGES.validation }, (_, index) => index * 3);
  const file = createSharedFile(directory, labels, 100 * imageBytes);
  opened.push(file);
  const store = { images: createImageStore(file, { imageSize: 6, channels: 3, splits: { train, validation } }) };
  server.serve({ file, fingerprint, store });
  const { dataset, decoded, warnings } = await coming;
  expect(Array.from({ length: IMAGES.train }, (_, index) => dataset.train.label(index))).toEqual([
    ...labels.subarray(0, IMAGES.train),
  ]);
  expect(dataset.validation.label(3)).toBe((IMAGES.train + 3) * 3);
  expect(await dataset.train.image(5)).toEqual(await train.image(5));
  expect([decoded, warnings]).toEqual([[], []]);
});

it('a consumer of other images is told, once, and decodes itself', async () => {
  const { address } = await start('images', 20);
  const warnings: string[] = [];
  const client = openLoaderClient({
    address,
    dataset: { ...datasetOf().identity, fingerprint: 'x' },
    imageBytes,
    onWarning: (text) => warnings.push(text),
  });
  opened.push(client);
  expect(
    await Promise.all([client.image('train', 0), client.batch({ kind: 'evaluation', batchSize: 1, index: 0 })]),
  ).toEqual([null, null]);
  expect(await client.image('train', 1)).toBeNull();
  expect(await client.labels()).toBeNull();
  expect(warnings).toEqual([
    'the loader does not serve this job: it reads other images, so this job decodes images itself',
  ]);
});

function requestOf(sharing: 'images' | 'batches', id: number): object {
  const key = { kind: 'train', stream: 'shared', epoch: 0, index: id % 8 };
  return sharing === 'batches'
    ? { type: 'batch', id, key }
    : { type: 'images', id, split: 'train', indices: [id % 70, (id * 3) % 70] };
}

/** A consumer that has said hello, and of which a test says what else it does. */
async function rawConsumer(address: string, isServed = true): Promise<{ readonly socket: Socket }> {
  const socket = connect(address);
  socket.on('error', () => {});
  const welcome = new Promise<void>((resolve) => {
    const read = createFrameReader(() => resolve());
    socket.on('data', (piece: Buffer) => void read(piece));
  });
  socket.write(encodeFrame({ type: 'hello', protocol: LOADER_PROTOCOL, fingerprint }));
  if (isServed) await welcome;
  return { socket };
}
