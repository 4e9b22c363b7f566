import { expect, test } from 'vitest';
import type { Split } from '../../../src/data/dataset.ts';
import { sampleSplit } from '../../../src/data/sample.ts';

const split = (length: number): Split => ({
  length,
  label: (index) => index % 10,
  image: (index) => Uint8Array.of(index % 256),
});

test('a sample is of different images, the same every time, in their order', () => {
  const sample = sampleSplit(split(200), 50, 'test');
  const images = Array.from({ length: sample.length }, (_, index) => (sample.image(index) as Uint8Array)[0] as number);
  expect(images).toHaveLength(50);
  expect(images).toEqual([...new Set(images)].sort((a, b) => a - b));
  const again = sampleSplit(split(200), 50, 'test');
  expect(images.map((_, index) => (again.image(index) as Uint8Array)[0])).toEqual(images);
  expect(images.map((_, index) => sample.label(index))).toEqual(images.map((image) => image % 10));
});

test('labels that repeat at any distance are all in it', () => {
  for (const length of [1000, 5120, 10_240]) {
    const sample = sampleSplit(split(length), 512, 'test');
    const labels = new Set(Array.from({ length: 512 }, (_, index) => sample.label(index)));
    expect([length, labels.size]).toEqual([length, 10]);
  }
});

test('a small split is taken whole', () => {
  const sample = sampleSplit(split(5), 512, 'test');
  expect(Array.from({ length: sample.length }, (_, index) => sample.image(index))).toEqual(
    [0, 1, 2, 3, 4].map((index) => Uint8Array.of(index)),
  );
});
