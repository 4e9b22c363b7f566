import { permutation, randomStream } from '../util/random.ts';
import type { Split } from './dataset.ts';
import { pickImages } from './sources/image-set.ts';

/** Images of one of several equal parts of so many; the first parts have what is left over, one image each. */
export function moduleShare(images: number, modules: number, index: number): number {
  return Math.floor(images / modules) + (index < images % modules ? 1 : 0);
}

/**
 * The part of a split that one of several modules sees and no other: of every class as many images as of any other part, at
 * most one more. Chosen by the seed.
 */
export function splitOfModule(split: Split, modules: number, index: number, seed: number): Split {
  const byClass = new Map<number, number[]>();
  for (let image = 0; image < split.length; image++) {
    const label = split.label(image);
    const members = byClass.get(label);
    if (members) members.push(image);
    else byClass.set(label, [image]);
  }
  // Dealt out like cards, class after class, so that neither a class nor the whole is shared out unevenly.
  const dealt = [...byClass]
    .sort(([a], [b]) => a - b)
    .flatMap(([label, members]) => {
      const order = permutation(members.length, randomStream(seed, 'module-share', label));
      return Array.from(order, (place) => members[place] as number);
    });
  const images = dealt.filter((_, card) => card % modules === index).sort((a, b) => a - b);
  const at = (place: number) => images[place] as number;
  return {
    length: images.length,
    label: (place) => split.label(at(place)),
    image: (place) => split.image(at(place)),
    ...(split.stored && { stored: pickImages(split.stored, images) }),
  };
}
