import type { Split } from './dataset.ts';

/** Memory that the caches of a job may still take. */
export interface CacheBudget {
  bytes: number;
}

/** Keeps the decoded images of a split in one block of memory, where it fits into the budget as a whole. */
export function cached(split: Split, imageBytes: number, budget: CacheBudget): Split {
  const bytes = split.length * imageBytes;
  if (bytes > budget.bytes) return split;
  budget.bytes -= bytes;
  const pixels = new Uint8Array(bytes);
  const known = new Uint8Array(split.length);
  const slot = (index: number) => pixels.subarray(index * imageBytes, (index + 1) * imageBytes);
  const keep = (index: number, image: Uint8Array) => {
    slot(index).set(image);
    known[index] = 1;
    return slot(index);
  };
  return {
    ...split,
    image(index) {
      if (known[index]) return slot(index);
      const image = split.image(index);
      return image instanceof Uint8Array ? keep(index, image) : image.then((decoded) => keep(index, decoded));
    },
  };
}
