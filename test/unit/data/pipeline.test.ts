import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../src/config/schema.ts';
import { batchesPerEpoch, evaluationBatches, trainBatches } from '../../../src/data/batches.ts';
import type { Batch, Split } from '../../../src/data/dataset.ts';
import { openDataset } from '../../../src/data/open.ts';
import { augmentationOf, evaluationShare } from '../../../src/data/transforms/augmentation.ts';
import { centralScaling } from '../../../src/data/transforms/crop.ts';
import { resizeBox } from '../../../src/data/transforms/resize.ts';
import { augmentCropped, drawCrop } from '../../../src/data/transforms/train-image.ts';
import { randomStream } from '../../../src/util/random.ts';

const SIZE = 36;
const TRAIN = 30;
let root: string;

/** DeiT's augmentation and more, of images above 32 pixels. */
const everything = {
  crop: { scale: [0.08, 1] },
  interpolation: 'random',
  randAugment: 'rand-m9-mstd0.5-inc1',
  colorJitter: { brightness: 0.4, saturation: [0.5, 1.5] },
  erasing: { probability: 0.5 },
  repeats: 3,
  evalCropRatio: 0.875,
  onDamage: 'skip',
};

const configOf = (data: object = everything): RunConfig =>
  runConfigSchema.parse({
    seed: 5,
    model: { imageSize: SIZE },
    training: { batchSize: 8 },
    data: { source: root, ...data },
  });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate pipeline '));
  for (const [split, count] of [
    ['train', TRAIN / 2],
    ['val', 6],
  ] as const) {
    for (const name of ['a', 'b']) {
      await mkdir(join(root, split, name), { recursive: true });
      for (let index = 0; index < count; index++) {
        const random = randomStream(index, `${split}/${name}`);
        const [width, height] = [40 + random.integer(60), 40 + random.integer(60)];
        const bytes = Uint8Array.from({ length: width * height * 3 }, (_, place) => {
          const [x, y] = [Math.floor(place / 3) % width, Math.floor(place / 3 / width)];
          return 128 + 100 * Math.sin((x + (place % 3)) / 5) * Math.cos(y / 7) + 20 * random.uniform();
        });
        const image = sharp(bytes, { raw: { width, height, channels: 3 } });
        const isPng = index % 5 === 4;
        const path = join(root, split, name, `${index}.${isPng ? 'png' : 'jpg'}`);
        await writeFile(path, await (isPng ? image.png() : image.jpeg()).toBuffer());
        if (index === 3) await truncate(path, 300);
      }
    }
  }
});

afterAll(() => rm(root, { recursive: true }));

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const format = { batchSize: 8, imageSize: SIZE, channels: 3, prefetch: 2, onDamage: 'skip' } as const;
const key = { seed: 5, stream: 'meta', epoch: 2 };

describe('an image on its way into a batch', () => {
  it('is decoded as far as it is needed, and is what the whole image gives', async () => {
    const config = configOf({ ...everything, repeats: 1 });
    const { train, validation } = await openDataset(config);
    const augment = augmentationOf(config);
    const [batch] = await collect(trainBatches({ ...train, length: 8 }, { ...format, ...key, firstBatch: 0, augment }));
    const bytesOf = (index: number, from: Batch) =>
      from.images.slice(index * SIZE * SIZE * 3, (index + 1) * SIZE * SIZE * 3);
    const slots = Array.from({ length: 8 }, (_, slot) => bytesOf(slot, batch as Batch));
    for (const index of [0, 1, 2, 4, 5, 6, 7]) {
      const image = await wholeImage(train, index);
      const expected = new Uint8Array(SIZE * SIZE * 3);
      const drawn = drawCrop(
        augment.crop ?? { scale: [1, 1], ratio: [1, 1] },
        augment.interpolation,
        { ...key, index },
        image,
      );
      augmentCropped(
        image,
        drawn,
        augment,
        { ...key, index },
        { size: SIZE, channels: 3, target: expected, offset: 0 },
      );
      expect(slots.filter((slot) => Buffer.compare(slot, expected) === 0).length, `image ${index}`).toBeGreaterThan(0);
    }

    const [evaluated] = await collect(evaluationBatches(validation, { ...format, share: evaluationShare(config) }));
    for (const index of [0, 1, 2, 4, 5]) {
      const image = await wholeImage(validation, index);
      const { width, height } = image;
      const expected = new Uint8Array(SIZE * SIZE * 3);
      const box = { left: 0, top: 0, width, height };
      resizeBox(image, box, centralScaling(SIZE, 0.875, width, height), 'bicubic', SIZE, expected, 0);
      expect(bytesOf(index, evaluated as Batch)).toEqual(expected);
    }
  });

  it('of at most 32 pixels is padded instead of cropped, and evaluated whole', () => {
    const small = runConfigSchema.parse({ model: { imageSize: 32 }, data: { ...everything, padding: 4 } });
    expect(augmentationOf(small)).toMatchObject({ padding: 4, operations: { magnitude: 9 } });
    expect(augmentationOf(small).crop).toBeUndefined();
    expect(evaluationShare(small)).toBeUndefined();
    expect(augmentationOf(configOf())).toMatchObject({ padding: 0, crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } });
    expect(evaluationShare(configOf())).toBe(0.875);
  });
});

describe('batches are the same', () => {
  const hashes = async (threads: number, firstBatch = 0): Promise<string[]> => {
    const task = JSON.stringify({ firstBatch, config: { ...configOf(), data: { ...configOf().data, source: root } } });
    const { stdout } = await execa('node', ['test/fixtures/batches.mjs', task], {
      env: { UV_THREADPOOL_SIZE: String(threads) },
    });
    return JSON.parse(stdout) as string[];
  };

  it('for any number of threads and from wherever training goes on', async () => {
    const expected = await hashes(1);
    expect(expected).toHaveLength(3 + 2);
    for (const threads of [2, 3, 8]) expect(await hashes(threads), `${threads} threads`).toEqual(expected);
    for (const firstBatch of [1, 2]) expect(await hashes(4, firstBatch)).toEqual(expected.slice(firstBatch));
  });
});

describe('repeated augmentation', () => {
  /** Images whose bytes are their index. */
  const split = (length: number): Split => ({
    length,
    label: (index) => index % 7,
    image: (index) => new Uint8Array(2).fill(index),
  });
  const options = { ...key, batchSize: 16, imageSize: 1, channels: 2, prefetch: 1, firstBatch: 0 };
  const indices = async (length: number, change: object) => {
    const augment = { padding: 0, flip: 0 };
    const batches = await collect(trainBatches(split(length), { ...options, augment, ...change }));
    return batches.flatMap(({ images }) => Array.from({ length: 16 }, (_, slot) => images[2 * slot]));
  };

  it('shows each image of the first part of the order three times in a row', async () => {
    const once = await indices(256, {});
    const thrice = await indices(256, { repeats: 3 });
    expect(once).toHaveLength(256);
    expect(thrice).toEqual(once.flatMap((index) => [index, index, index]).slice(0, 256));
    expect(await indices(256, { repeats: 3, firstBatch: 5 })).toEqual(thrice.slice(80));
  });

  it('draws each appearance for itself', async () => {
    const augment = { padding: 2, flip: 0.5 };
    const large: Split = { ...split(64), image: () => Uint8Array.from({ length: 64 }, (_, place) => place) };
    const [batch] = await collect(trainBatches(large, { ...options, imageSize: 8, channels: 1, repeats: 16, augment }));
    const images = Array.from({ length: 16 }, (_, slot) =>
      (batch as Batch).images.slice(64 * slot, 64 * (slot + 1)).join(),
    );
    expect(new Set(images).size).toBeGreaterThan(8);
  });

  it('has an epoch as long as that of DeiT, and never none', () => {
    for (const [images, batchSize, steps] of [
      [1_281_167, 2048, 625],
      [50_000, 128, 390],
      [300, 100, 2],
      [100, 10, 10],
      [300, 280, 1],
    ] as const) {
      expect(batchesPerEpoch(images, batchSize, 3)).toBe(steps);
    }
    expect(batchesPerEpoch(50_000, 128)).toBe(390);
    expect(batchesPerEpoch(300, 100)).toBe(3);
  });
});

async function wholeImage({ stored }: Split, index: number) {
  const image = await stored?.read(index);
  if (image?.kind !== 'file') throw new RangeError(`image ${index} is no file`);
  const { data, info } = await sharp(image.path).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}
