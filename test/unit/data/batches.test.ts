import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giveBack } from '../../../src/data/batch-images.ts';
import { batchesPerEpoch, evaluationBatches, trainBatches } from '../../../src/data/batches.ts';
import { cached } from '../../../src/data/cache.ts';
import type { Batch, Split } from '../../../src/data/dataset.ts';
import { placeImage } from '../../../src/data/transforms/placement.ts';

const SIZE = 3;
const CHANNELS = 1;
const format = { batchSize: 4, imageSize: SIZE, channels: CHANNELS };

/** Images whose every byte is their index, decoded in no particular order. */
function split(length: number): Split {
  return {
    length,
    label: (index) => index % 7,
    async image(index) {
      await new Promise((resolve) => setTimeout(resolve, (index * 7) % 3));
      return new Uint8Array(SIZE * SIZE * CHANNELS).fill(index);
    },
  };
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const indicesOf = (batch: Batch) => Array.from(batch.labels, (_, slot) => batch.images[slot * SIZE * SIZE] as number);
const training = {
  ...format,
  seed: 1,
  stream: 'meta',
  epoch: 0,
  firstBatch: 0,
  prefetch: 2,
  augment: { padding: 0, flip: 0 },
};

describe('training batches', () => {
  it('hold every image at most once an epoch, with its label, and drop the surplus', async () => {
    const batches = await collect(trainBatches(split(23), training));
    expect(batches).toHaveLength(batchesPerEpoch(23, 4));
    const indices = batches.flatMap(indicesOf);
    expect(new Set(indices).size).toBe(20);
    for (const batch of batches) expect(indicesOf(batch).map((index) => index % 7)).toEqual([...batch.labels]);
  });

  it('differ between epochs, jobs and seeds', async () => {
    const order = async (change: object) =>
      (await collect(trainBatches(split(40), { ...training, ...change }))).flatMap(indicesOf);
    const first = await order({});
    expect(await order({})).toEqual(first);
    for (const change of [{ epoch: 1 }, { stream: 'module-0' }, { seed: 2 }])
      expect(await order(change)).not.toEqual(first);
  });

  it('go on from any batch exactly as if they had never stopped, however far ahead they are prepared', async () => {
    const augment = { padding: 1, flip: 0.5 };
    const whole = await collect(trainBatches(split(30), { ...training, augment }));
    await fc.assert(
      fc.asyncProperty(fc.nat(7), fc.integer({ min: 1, max: 8 }), async (firstBatch, prefetch) => {
        const rest = await collect(trainBatches(split(30), { ...training, augment, firstBatch, prefetch }));
        expect(rest).toEqual(whole.slice(firstBatch));
      }),
      { numRuns: 30 },
    );
  });

  it('refuse fewer images than a batch holds', () => {
    expect(() => batchesPerEpoch(3, 4)).toThrow(expect.objectContaining({ code: 'DATA_TOO_FEW' }));
  });

  it('throw a failure where its batch is asked for, and none when nobody asks', async () => {
    const broken: Split = {
      ...split(40),
      async image(index) {
        if (index === 17) throw new Error('image 17 is broken');
        return new Uint8Array(SIZE * SIZE).fill(index);
      },
    };
    const seen: Batch[] = [];
    const read = async () => {
      for await (const batch of trainBatches(broken, { ...training, prefetch: 10 })) seen.push(batch);
    };
    await expect(read()).rejects.toThrow('image 17 is broken');
    const order = (await collect(trainBatches(split(40), training))).flatMap(indicesOf);
    expect(seen).toHaveLength(Math.floor(order.indexOf(17) / 4));
    for await (const _ of trainBatches(broken, { ...training, prefetch: 10 })) break;
  });
});

describe('evaluation batches', () => {
  it('hold the same where arrays of batches that are over are used again: places without an image are black', async () => {
    const read = () => evaluationBatches(split(38), { ...format, prefetch: 1 });
    const arrays = new Set<Uint8Array>();
    const contents: Uint8Array[] = [];
    for await (const batch of read()) {
      arrays.add(batch.images);
      contents.push(batch.images.slice());
      giveBack(batch);
      giveBack(batch);
    }
    expect(contents).toEqual((await collect(read())).map(({ images }) => images));
    expect(contents.at(-1)?.slice(-2 * SIZE * SIZE)).toEqual(new Uint8Array(2 * SIZE * SIZE));
    expect(arrays.size).toBeLessThan(contents.length / 2);
  });

  it('hold all images in order and fill up with weight 0', async () => {
    const batches = await collect(evaluationBatches(split(10), { ...format, prefetch: 3 }));
    expect(batches).toHaveLength(3);
    expect(batches.flatMap(indicesOf).slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.flatMap(({ weights }) => [...weights])).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
  });
});

describe('placing an image', () => {
  /** Pads, cuts and mirrors pixel by pixel. */
  function reference(image: Uint8Array, size: number, channels: number, top: number, left: number, mirrored: boolean) {
    const result: number[] = [];
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const y = row + top;
        const x = (mirrored ? size - 1 - column : column) + left;
        for (let channel = 0; channel < channels; channel++) {
          const inside = y >= 0 && y < size && x >= 0 && x < size;
          result.push(inside ? (image[(y * size + x) * channels + channel] as number) : 0);
        }
      }
    }
    return result;
  }

  it('agrees with the plain definition for every shift and mirroring', () => {
    for (const channels of [1, 3]) {
      const size = 5;
      const image = Uint8Array.from({ length: size * size * channels }, (_, index) => index + 1);
      for (let top = -5; top <= 5; top++) {
        for (let left = -5; left <= 5; left++) {
          for (const mirrored of [false, true]) {
            const target = new Uint8Array(image.length + 4).fill(255);
            placeImage(image, size, channels, { top, left, mirrored }, target, 2);
            expect([...target.subarray(2, -2)]).toEqual(reference(image, size, channels, top, left, mirrored));
            expect([target[0], target[1], target.at(-2), target.at(-1)]).toEqual([255, 255, 255, 255]);
          }
        }
      }
    }
  });
});

describe('the cache', () => {
  it('decodes an image once and returns the same bytes, within its budget', async () => {
    const decoded: number[] = [];
    const source: Split = {
      ...split(4),
      async image(index) {
        decoded.push(index);
        return Uint8Array.of(index, index);
      },
    };
    const budget = { bytes: 10 };
    const kept = cached(source, 2, budget);
    expect(budget.bytes).toBe(2);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 4; index++) expect([...(await kept.image(index))]).toEqual([index, index]);
    }
    expect(decoded).toEqual([0, 1, 2, 3]);
    expect(cached(source, 2, budget)).toBe(source);
  });
});
