import type { Appearance, Place } from './assemble.ts';

/**
 * The places `from`..`from + count` of an epoch. Every image of the order takes `repeats` places in a row; where it cannot
 * be decoded, the images that follow it in the order stand in for it, the first after the last.
 */
export function epochPlaces(order: Uint32Array, repeats: number, from: number, count: number): Place[] {
  const appearance = (turn: number, repeat: number): Appearance => {
    const index = order[turn % order.length] as number;
    return repeats === 1 ? { index } : { index, repeat };
  };
  return Array.from({ length: count }, (_, place) => {
    const turn = Math.floor((from + place) / repeats);
    const repeat = (from + place) % repeats;
    return {
      image: appearance(turn, repeat),
      substitutes: {
        *[Symbol.iterator]() {
          for (let next = 1; next < order.length; next++) yield appearance(turn + next, repeat);
        },
      },
    };
  });
}
