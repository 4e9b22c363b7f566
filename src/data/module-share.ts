import { permutation, randomStream } from '../util/random.ts';
import type { Samples, Split } from './dataset.ts';
import { pickImages } from './sources/image-set.ts';
import { textOfModule } from './text/windows.ts';

/** The part of a split that one of several modules sees and no other. */
export function samplesOfModule(samples: Samples, modules: number, index: number, seed: number): Samples {
  if ('tokens' in samples) return textOfModule(samples, modules, index);
  return splitOfModule(samples, modules, index, seed);
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
