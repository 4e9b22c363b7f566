import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FREE } from '../../../../src/data/jpeg/layout.ts';
import type { Pixels } from '../../../../src/data/pixels.ts';
import { applyAll } from '../../../../src/data/transforms/canvas.ts';
import { centralScaling } from '../../../../src/data/transforms/crop.ts';
import { placeImage, unchanged } from '../../../../src/data/transforms/placement.ts';
import { type OperationName, operationOf } from '../../../../src/data/transforms/rand-augment.ts';
import type { Interpolation } from '../../../../src/data/transforms/raster.ts';
import { resizeBox } from '../../../../src/data/transforms/resize.ts';
import { roomFor } from '../../../../src/data/wasm/memory.ts';

type OperationCase = ['operation', OperationName, image: string, value: number, Interpolation, result: string];
type ResizeCase = Scaled<'resize'>;
type RegionCase = Scaled<'region'>;
type Scaled<Kind> = [Kind, image: string, box: Quadruple, size: number, Interpolation, result: string];
type CentreCase = ['centre', image: string, shorter: number, size: number, result: string];
type Quadruple = [number, number, number, number];

interface Head {
  readonly fill: readonly number[];
  readonly images: Readonly<Record<string, Omit<Pixels, 'data'> & { readonly data: string }>>;
}

// What golden.py had PIL 9.4 and torchvision 0.14 make of small images.
const [head, ...cases] = (await readFile(join(import.meta.dirname, 'golden.ndjson'), 'utf8'))
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line)) as [Head, ...(OperationCase | ResizeCase | RegionCase | CentreCase)[]];

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
function imageOf(name: string): Pixels {
  const image = head.images[name];
  if (!image) throw new RangeError(`no image ${name}`);
  return { ...image, data: bytesOf(image.data) };
}
const casesOf = <Kind extends string>(kind: Kind) =>
  cases.filter((entry): entry is Extract<(typeof cases)[number], [Kind, ...unknown[]]> => entry[0] === kind);
/** Images are copies of their own, or lie in the kernels' memory, as those do that were just decoded. */
const placed = {
  'of its own': (image: Pixels) => image,
  "in the kernels' memory": (image: Pixels) => {
    const bytes = roomFor(FREE + image.data.length);
    bytes.set(image.data, FREE);
    return { ...image, data: bytes.subarray(FREE, FREE + image.data.length) };
  },
};

describe('operations on images are those of PIL to the last bit', () => {
  const operations = casesOf('operation');
  it.each([...new Set(operations.map(([, name]) => name))])('%s', (name) => {
    const own = operations.filter((entry) => entry[1] === name);
    expect(own.length).toBeGreaterThanOrEqual(2);
    for (const [, , imageName, value, interpolation, result] of own) {
      const image = imageOf(imageName);
      const drawn = { name, value, interpolation };
      applyAll(image.data, image, [operationOf(drawn, head.fill)]);
      expect(image.data, `${imageName}, ${value}, ${interpolation}`).toEqual(bytesOf(result));
    }
  });
});

describe('scaling is that of PIL to the last bit', () => {
  it.each(Object.entries(placed))('of any part of an image %s', (_, place) => {
    for (const [, name, [left, top, width, height], size, interpolation, result] of casesOf('resize')) {
      const image = place(imageOf(name));
      const expected = bytesOf(result);
      const actual = new Uint8Array(expected.length + 2).fill(99);
      const all = { width: size, height: size, left: 0, top: 0 };
      resizeBox(image, { left, top, width, height }, all, interpolation, size, actual, 1);
      expect(actual.subarray(1, -1), `${name} ${[left, top, width, height]} → ${size}, ${interpolation}`).toEqual(
        expected,
      );
      expect([actual[0], actual.at(-1)]).toEqual([99, 99]);
      const [mirrored, exchanged] = [new Uint8Array(expected.length), new Uint8Array(expected.length)];
      const from = place(imageOf(name));
      resizeBox(from, { left, top, width, height }, { ...all, mirrored: true }, interpolation, size, mirrored, 0);
      placeImage(expected, size, image.channels, { ...unchanged, mirrored: true }, exchanged, 0);
      expect(mirrored).toEqual(exchanged);
    }
  });

  it.each(Object.entries(placed))('of a part whose bounds are between pixels, of an image %s', (_, place) => {
    const regions = casesOf('region');
    expect(regions.length).toBeGreaterThanOrEqual(18);
    for (const [, name, [left, top, width, height], size, interpolation, result] of regions) {
      const image = place(imageOf(name));
      const actual = new Uint8Array(bytesOf(result).length);
      const region = { left, top, width, height };
      const scaling = { width: size, height: size, left: 0, top: 0, region };
      resizeBox(
        image,
        { left: 0, top: 0, width: image.width, height: image.height },
        scaling,
        interpolation,
        size,
        actual,
        0,
      );
      expect(actual, `${name} ${[left, top, width, height]} → ${size}, ${interpolation}`).toEqual(bytesOf(result));
    }
  });

  it("of an image's centre, as torchvision's Resize and CenterCrop", () => {
    for (const [, name, shorter, size, result] of casesOf('centre')) {
      const image = imageOf(name);
      const { width, height } = image;
      const actual = new Uint8Array(bytesOf(result).length);
      const scaling = centralScaling(size, size / shorter, width, height);
      resizeBox(image, { left: 0, top: 0, width, height }, scaling, 'bicubic', size, actual, 0);
      expect(actual, `${name} → ${shorter} → ${size}`).toEqual(bytesOf(result));
    }
  });
});
