import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFor, doWork } from '../../../src/data/decoding/do-work.ts';
import type { WorkItem } from '../../../src/data/decoding/work.ts';

const SIZE = 32;
const EXTENT = { width: 1000, height: 700 };

/** An image with smooth parts and an edge, as JPEG and as progressive JPEG, which only the library decodes. */
let files: Record<'baseline' | 'progressive' | 'png', Uint8Array>;

beforeAll(async () => {
  const { width, height } = EXTENT;
  const bytes = Uint8Array.from({ length: width * height * 3 }, (_, place) => {
    const [channel, x, y] = [place % 3, Math.floor(place / 3) % width, Math.floor(place / 3 / width)];
    return 128 + 70 * Math.sin(x / (40 + 9 * channel)) * Math.cos(y / 53) + (x + channel * 40 > y * 1.3 ? 40 : -40);
  });
  const image = () => sharp(bytes, { raw: { ...EXTENT, channels: 3 } });
  const [baseline, progressive, png] = await Promise.all([
    image().jpeg({ quality: 92 }).toBuffer(),
    image().jpeg({ quality: 92, progressive: true }).toBuffer(),
    image().png().toBuffer(),
  ]);
  files = { baseline, progressive, png };
});

function itemOf(index: number, reduce: boolean, scale: readonly [number, number] = [0.08, 1], file = files.baseline) {
  const crop = { scale, ratio: [3 / 4, 4 / 3], reduce } as const;
  const augment = { padding: 0, flip: 0.5, crop, interpolation: 'bicubic' } as const;
  return {
    work: { kind: 'crop', size: SIZE, channels: 3, augment },
    image: { kind: 'encoded', bytes: file },
    name: 'image',
    key: { seed: 3, stream: 'meta', epoch: 0, index },
  } as const satisfies WorkItem;
}

async function resultOf(item: WorkItem): Promise<Uint8Array> {
  const target = new Uint8Array(SIZE * SIZE * 3);
  await doWork(item, target, 0);
  return target;
}

describe('decoding at a fraction of the size', () => {
  it('leaves at least twice the pixels that a crop comes to, and less than four times unless that is an eighth', async () => {
    const fractions = new Set<number>();
    for (let index = 0; index < 100; index++) {
      const scale = [0.01, 1] as const;
      const full = await decodeFor(itemOf(index, false, scale));
      const { width, height } = full.pixels;
      const { pixels, crop } = await decodeFor(itemOf(index, true, scale));
      const fraction = 2 ** Math.round(Math.log2(width / pixels.width));
      fractions.add(fraction);
      const shorter = Math.min(width, height) / fraction;
      expect(fraction === 1 || shorter >= 2 * SIZE).toBe(true);
      expect(fraction === 8 || shorter < 4 * SIZE).toBe(true);
      // What is scaled is the same part of the image, between the pixels of the smaller one.
      if (fraction === 1) expect(crop?.region?.width ?? width).toBe(width);
      else {
        expect(crop?.region).toMatchObject({ width: width / fraction, height: height / fraction });
        const { left = -1, top = -1 } = crop?.region ?? {};
        expect(left >= 0 && left < 1 && top >= 0 && top < 1).toBe(true);
        expect(left + width / fraction <= pixels.width && top + height / fraction <= pixels.height).toBe(true);
      }
    }
    expect(fractions).toEqual(new Set([1, 2, 4, 8]));
  });

  it('shows the same as an image that is decoded whole', async () => {
    for (let index = 0; index < 40; index++) {
      const [reduced, full] = [await resultOf(itemOf(index, true)), await resultOf(itemOf(index, false))];
      const distance = (other: (place: number) => number | undefined) =>
        full.reduce((sum, value, place) => sum + Math.abs(value - (other(place) ?? value)), 0);
      // Less than a tenth of what one pixel to the side makes.
      const shifted = distance((place) => full[place + 3]);
      expect(
        distance((place) => reduced[place]),
        `image ${index}`,
      ).toBeLessThan(shifted / 10);
    }
  });

  it('changes nothing of crops that are not four times the size, and of what only the library decodes', async () => {
    for (let index = 0; index < 20; index++) {
      const small = [0.002, 0.004] as const;
      expect(await resultOf(itemOf(index, true, small))).toEqual(await resultOf(itemOf(index, false, small)));
      for (const file of [files.progressive, files.png]) {
        const [reduced, full] = [itemOf(index, true, [0.5, 1], file), itemOf(index, false, [0.5, 1], file)];
        expect(await resultOf(reduced)).toEqual(await resultOf(full));
      }
    }
  });
});
