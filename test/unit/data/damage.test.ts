import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { evaluationBatches, trainBatches } from '../../../src/data/batches.ts';
import type { Batch, Dataset } from '../../../src/data/dataset.ts';
import { decodeImage } from '../../../src/data/decode.ts';
import { openDataset } from '../../../src/data/open.ts';
import { augmentationOf, evaluationShare } from '../../../src/data/transforms/augmentation.ts';

/** Red, green, blue: the class shows in the colour, so that a wrong label would show too. */
const colours = [
  { r: 230, g: 20, b: 20 },
  { r: 20, g: 230, b: 20 },
  { r: 20, g: 20, b: 230 },
];
const classes = ['-red', 'grün', 'b\nlue'];
const SIZE = 40;

let root: string;
/** Files that cannot be decoded, of the class that their folder says; by what is wrong with them. */
const damaged: string[] = [];

const flat = (label: number, width = 64, height = 48) =>
  sharp({ create: { width, height, channels: 3, background: colours[label] ?? '#000' } });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate damage '));
  for (const [label, name] of classes.entries()) {
    await mkdir(join(root, 'train', name), { recursive: true });
    await mkdir(join(root, 'val', name), { recursive: true });
    const put = async (file: string, bytes: Uint8Array) => {
      for (const split of ['train', 'val']) await writeFile(join(root, split, name, file), bytes);
    };
    const spoil = async (file: string, bytes: Uint8Array) => {
      await put(file, bytes);
      damaged.push(join(name, file));
    };
    const jpeg = await flat(label).jpeg().toBuffer();
    const png = await flat(label).png().toBuffer();
    // Whole, whatever they look like.
    await put('plain.jpg', jpeg);
    await put('-dash.jpg', jpeg);
    await put('new\nline.jpg', jpeg);
    await put('ümläut 🐣 [1].jpg', jpeg);
    await put('is-a-png.jpg', png);
    await put('is-a-jpeg.png', jpeg);
    await put('cmyk.jpg', await flat(label).toColourspace('cmyk').jpeg().toBuffer());
    await put('deep.png', await flat(label).toColourspace('rgb16').png().toBuffer());
    await put('one.png', await flat(label, 1, 1).png().toBuffer());
    await put('one.jpg', await flat(label, 1, 1).jpeg().toBuffer());
    await put('turned.jpg', await flat(label).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await put('progressive.jpg', await flat(label).jpeg({ progressive: true }).toBuffer());
    await put('wide.jpg', await flat(label, 200, 3).jpeg().toBuffer());
    const { r, g, b } = colours[label] ?? { r: 0, g: 0, b: 0 };
    const frames = Buffer.concat([
      Buffer.from(Array.from({ length: 64 }, () => [r, g, b]).flat()),
      Buffer.alloc(64 * 3, 128),
    ]);
    await put(
      'moving.gif',
      await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
        .gif()
        .toBuffer(),
    );
    // Cut at each tenth, which may leave no image at all.
    const noisy = await sharp(Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, place) => (place * 7919) % 256)), {
      raw: { width: 64, height: 48, channels: 3 },
    })
      .jpeg()
      .toBuffer();
    for (let tenth = 1; tenth < 10; tenth++) {
      await spoil(`cut-${tenth}.jpg`, noisy.subarray(0, Math.floor((noisy.length * tenth) / 10)));
      await spoil(`cut-${tenth}.png`, png.subarray(0, Math.floor((png.length * tenth) / 10)));
    }
    await spoil('zero.jpg', new Uint8Array());
    await spoil('zeros.png', new Uint8Array(1000));
    await spoil('text.jpg', new TextEncoder().encode('no image'));
  }
  damaged.sort();
});

afterAll(() => rm(root, { recursive: true }));

/** How images come into batches: scaled whole, or cut out of the stored ones. */
const ways = { whole: {}, cropped: { crop: { scale: [0.3, 1] }, evalCropRatio: 0.875 } };
type Way = keyof typeof ways;

function configOf(way: Way, onDamage: 'fail' | 'skip'): RunConfig {
  return runConfigSchema.parse({
    model: { imageSize: SIZE },
    data: { source: root, padding: 0, cacheMiB: way === 'whole' ? 1 : 0, onDamage, ...ways[way] },
  });
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const format = { batchSize: 8, imageSize: SIZE, channels: 3, prefetch: 2 };
const training = (config: RunConfig, { train }: Dataset, change: object = {}) =>
  collect(
    trainBatches(train, {
      ...format,
      seed: 3,
      stream: 'meta',
      epoch: 0,
      firstBatch: 0,
      augment: augmentationOf(config),
      onDamage: config.data.onDamage,
      ...change,
    }),
  );
const evaluation = (config: RunConfig, { validation }: Dataset) =>
  collect(evaluationBatches(validation, { ...format, onDamage: config.data.onDamage, share: evaluationShare(config) }));

/** The class that most of an image's pixels have the colour of. */
function colourOf({ images }: Batch, slot: number): number {
  const sums = [0, 0, 0];
  for (let place = slot * SIZE * SIZE * 3; place < (slot + 1) * SIZE * SIZE * 3; place++) {
    sums[place % 3] = (sums[place % 3] ?? 0) + (images[place] ?? 0);
  }
  return sums.indexOf(Math.max(...sums));
}

/** What batches hold, in little room: comparing all bytes one by one takes seconds. */
const hashesOf = (batches: readonly Batch[]) =>
  batches.map(({ images, labels, weights, damaged: found }) => {
    const hash = createHash('sha256').update(images).update(labels).update(weights);
    return hash.update(JSON.stringify(found ?? [])).digest('hex');
  });

/** Classes are numbered by name; colours are not. */
const labelOf = (colour: number) => [...classes].sort().indexOf(classes[colour] ?? '');

describe.each(Object.keys(ways) as Way[])('images that cannot be decoded, %s', (way) => {
  it('fail a job that does not skip them, by name', async () => {
    const config = configOf(way, 'fail');
    const dataset = await openDataset(config);
    for (const read of [training, evaluation]) {
      const error = await read(config, dataset).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'DATA_IMAGE', exitCode: 7, hint: expect.any(String) });
      const { message } = error as Error;
      expect(
        damaged.some((file) => message.includes(JSON.stringify(file).slice(1, -1))),
        message,
      ).toBe(true);
    }
  });

  it('are skipped in training: others take their places with their own labels, always the same', async () => {
    const config = configOf(way, 'skip');
    const dataset = await openDataset(config);
    const batches = await training(config, dataset);
    expect(batches.length).toBe(Math.floor(dataset.train.length / format.batchSize));
    const met = new Set(batches.flatMap((batch) => batch.damaged?.map(({ index }) => index) ?? []));
    expect(met.size).toBeGreaterThan(40);
    for (const batch of batches) {
      expect([...batch.weights]).toEqual(new Array(format.batchSize).fill(1));
      for (let slot = 0; slot < format.batchSize; slot++)
        expect(labelOf(colourOf(batch, slot)), `slot ${slot}`).toBe(batch.labels[slot]);
    }
    for (const firstBatch of [1, 5])
      expect(hashesOf(await training(config, dataset, { firstBatch, prefetch: 7 }))).toEqual(
        hashesOf(batches.slice(firstBatch)),
      );
  });

  it('are left out of an evaluation, which names each of them', async () => {
    const config = configOf(way, 'skip');
    const dataset = await openDataset(config);
    const batches = await evaluation(config, dataset);
    const found = batches.flatMap((batch) => batch.damaged ?? []);
    const weights = batches.flatMap((batch) => [...batch.weights]);
    expect(found).toHaveLength(damaged.length);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBe(dataset.validation.length - damaged.length);
    for (const { index, message } of found) {
      expect(weights[index]).toBe(0);
      expect(
        damaged.some((file) => message.includes(JSON.stringify(file).slice(1, -1))),
        message,
      ).toBe(true);
    }
    for (const batch of batches)
      for (const [slot, weight] of batch.weights.entries())
        if (weight === 1) expect(labelOf(colourOf(batch, slot))).toBe(batch.labels[slot]);
  });
});

it('nothing but damage is skipped, and not all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'incubate damage '));
  for (const [label, name] of ['a', 'b'].entries()) {
    for (const split of ['train', 'val']) {
      await mkdir(join(folder, split, name), { recursive: true });
      for (let index = 0; index < 4; index++) {
        const path = join(folder, split, name, `${index}.jpg`);
        await flat(label).jpeg().toFile(path);
        await truncate(path, 100);
      }
    }
  }
  const config = runConfigSchema.parse({ model: { imageSize: SIZE }, data: { source: folder, onDamage: 'skip' } });
  const dataset = await openDataset(config);
  await expect(training(config, dataset)).rejects.toMatchObject({ code: 'DATA_IMAGE' });
  expect((await evaluation(config, dataset)).flatMap(({ weights }) => [...weights])).toEqual(new Array(8).fill(0));
  const broken = { ...dataset.train, image: () => Promise.reject(new Error('not the image')) };
  await expect(training(config, { ...dataset, train: broken })).rejects.toThrow('not the image');
  await rm(folder, { recursive: true });
});

it('a file that the system does not give is no damage', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'incubate damage '));
  await mkdir(join(folder, 'image.png'));
  const options = { size: SIZE, channels: 3, resize: 'crop' } as const;
  const error = await decodeImage(join(folder, 'image.png'), options).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'ENVIRONMENT_READ', exitCode: 4 });
  await rm(folder, { recursive: true });
});

it('a file that was made whole again is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'incubate damage '));
  for (const name of ['a', 'b']) {
    for (const split of ['train', 'val']) {
      await mkdir(join(folder, split, name), { recursive: true });
      for (let index = 0; index < 4; index++) {
        await copyFile(join(root, 'train', classes[0] ?? '', 'plain.jpg'), join(folder, split, name, `${index}.jpg`));
      }
    }
  }
  const path = join(folder, 'train/a/0.jpg');
  const whole = await readFile(path);
  await truncate(path, 200);
  const config = runConfigSchema.parse({ model: { imageSize: SIZE }, data: { source: folder, onDamage: 'skip' } });
  const dataset = await openDataset(config);
  expect((await training(config, dataset)).flatMap((batch) => batch.damaged ?? [])).toHaveLength(1);
  await writeFile(path, whole);
  expect((await training(config, dataset)).flatMap((batch) => batch.damaged ?? [])).toHaveLength(0);
  await rm(folder, { recursive: true });
});
