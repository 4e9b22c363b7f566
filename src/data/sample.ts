import { permutation, randomStream } from '../util/random.ts';
import type { Split } from './dataset.ts';
import { pickImages } from './sources/image-set.ts';

/** Some images of a split, drawn at random by `purpose` alone: the same of every run on the same split. */
export function sampleSplit(split: Split, count: number, purpose: string): Split {
  const chosen = [...permutation(split.length, randomStream(0, purpose)).subarray(0, count)].sort((a, b) => a - b);
  const at = (index: number) => chosen[index] as number;
  return {
    length: chosen.length,
    ...(split.stored && { stored: pickImages(split.stored, chosen) }),
    label: (index) => split.label(at(index)),
    image: (index) => split.image(at(index)),
  };
}
