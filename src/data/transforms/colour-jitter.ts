import type { RandomStream } from '../../util/random.ts';
import type { Operation } from './canvas.ts';
import { brightness, colour, contrast } from './enhance.ts';

/** Least and largest factor of torchvision's `ColorJitter` for each of its operations; null leaves it out. */
export interface ColourJitter {
  readonly brightness: readonly [number, number] | null;
  readonly contrast: readonly [number, number] | null;
  readonly saturation: readonly [number, number] | null;
}

/** An operation that has been drawn, with its factor. */
export interface DrawnJitter {
  readonly name: keyof ColourJitter;
  readonly factor: number;
}

const enhancements = { brightness, contrast, saturation: colour };
const names = ['brightness', 'contrast', 'saturation'] as const;

/** The operations in random order, each with a factor uniform in its range. */
export function drawJitter(settings: ColourJitter, random: RandomStream): DrawnJitter[] {
  const left = names.flatMap((name) => {
    const range = settings[name];
    return range === null ? [] : [{ name, range }];
  });
  const result: DrawnJitter[] = [];
  while (left.length > 0) {
    for (const { name, range } of left.splice(random.integer(left.length), 1)) {
      result.push({ name, factor: range[0] + (range[1] - range[0]) * random.uniform() });
    }
  }
  return result;
}

/** What an operation that has been drawn does. */
export function jitterOf({ name, factor }: DrawnJitter): Operation {
  return enhancements[name](factor);
}
