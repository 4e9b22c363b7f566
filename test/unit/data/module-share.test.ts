import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/data/dataset.ts';
import { moduleShare } from '../../../src/data/equal-share.ts';
import { splitOfModule } from '../../../src/data/module-share.ts';

/** Images that are their own numbers, of classes of uneven size. */
function numbered(counts: readonly number[]): Split {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  return { length: labels.length, label: (index) => labels[index] as number, image: (index) => Uint8Array.of(index) };
}

describe('training images of a module’s own', () => {
  const split = numbered([10, 7, 1, 13]);

  it.each([1, 2, 3, 4, 7])('of %i modules are no other’s, and together are all', (modules) => {
    const parts = Array.from({ length: modules }, (_, index) => splitOfModule(split, modules, index, 5));
    const seen = parts.flatMap((part) =>
      Array.from({ length: part.length }, (_, index) => (part.image(index) as Uint8Array)[0] as number),
    );
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: split.length }, (_, index) => index));
    for (const [index, part] of parts.entries()) expect(part.length).toBe(moduleShare(split.length, modules, index));
    for (const label of [0, 1, 2, 3]) {
      const counts = parts.map(
        (part) =>
          Array.from({ length: part.length }, (_, index) => part.label(index)).filter((own) => own === label).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it('depend on the seed alone', () => {
    const images = (seed: number) => {
      const part = splitOfModule(split, 3, 1, seed);
      return Array.from({ length: part.length }, (_, index) => (part.image(index) as Uint8Array)[0]);
    };
    expect(images(1)).toEqual(images(1));
    expect(images(1)).not.toEqual(images(2));
  });

  it('keep labels and stored images together', async () => {
    const stored = {
      length: split.length,
      label: split.label,
      name: (index: number) => `image ${index}`,
      read: (index: number) => ({ kind: 'encoded', bytes: Uint8Array.of(index) }) as const,
    };
    const part = splitOfModule({ ...split, stored }, 4, 2, 0);
    for (let place = 0; place < part.length; place++) {
      const [index] = part.image(place) as Uint8Array as unknown as [number];
      expect(part.label(place)).toBe(split.label(index));
      expect(part.stored?.name(place)).toBe(`image ${index}`);
      expect(await part.stored?.read(place)).toEqual({ kind: 'encoded', bytes: Uint8Array.of(index) });
    }
  });
});
