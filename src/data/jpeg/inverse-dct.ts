import { advance, type Code, i8x16, i16x8, i32, i32x4, type Local, set, v128 } from '../wasm/instructions.ts';
import { functionOf } from '../wasm/module.ts';
import { BLOCK, DAMAGED } from './layout.ts';

const eight = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/**
 * Lanes of 16 bits of two vectors in turn, from lane 0 or 4 on. Done to vectors i and i + 4 of eight, three times over, it
 * turns rows into columns.
 */
const zip = (from: 0 | 4, first: Code, second: Code): Code =>
  v128.shuffle(
    [0, 1, 2, 3].flatMap((lane) => [0, 1, 16, 17].map((byte) => 2 * (from + lane) + byte)),
    first,
    second,
  );

/**
 * Eight one-dimensional transforms side by side: coefficient i of each in `from[i]`, sample i goes to `to[i]`.
 *
 * The arithmetic is that of the Independent JPEG Group's `jidctint.c`, the accurate integer method, which libjpeg-turbo's
 * vector code gives to the last bit: Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point, here with its factors
 * multiplied out, which in whole numbers is the same. Samples have `shift` bits dropped after `bias` is added.
 */
function transform(from: readonly Local[], to: readonly Local[], spare: readonly Local[], bias: number, shift: number) {
  const [c0, c1, c2, c3, c4, c5, c6, c7] = from as Eight;
  const [sum, other, ...low] = spare as [Local, Local, ...Local[]];
  const half = (start: 0 | 4): Code => {
    const dot = (first: Local, second: Local, [a, b]: Pair) =>
      i32x4.dot(zip(start, first, second), i16x8.constPairs(a, b));
    const pair = (place: number, [c0Factors, c2Factors, c1Factors, c5Factors]: readonly [Pair, Pair, Pair, Pair]) => {
      const put = (at: number, value: Code): Code => {
        const shifted = i32x4.shiftRight(value, i32.const(shift));
        return start === 0
          ? set(low[at] as Local, shifted)
          : set(to[at] as Local, i16x8.narrow(low[at] as Local, shifted));
      };
      return [
        set(sum, i32x4.add(i32x4.add(dot(c0, c4, c0Factors), dot(c2, c6, c2Factors)), i32x4.const(bias))),
        set(other, i32x4.add(dot(c1, c3, c1Factors), dot(c5, c7, c5Factors))),
        put(place, i32x4.add(sum, other)),
        put(7 - place, i32x4.subtract(sum, other)),
      ];
    };
    return FACTORS.map((factors, place) => pair(place, factors));
  };
  return [half(0), half(4)];
}

type Pair = readonly [number, number];
type Eight = [Local, Local, Local, Local, Local, Local, Local, Local];

/** Of samples 0 to 3: the factors of coefficients 0 and 4, 2 and 6, 1 and 3, 5 and 7. */
const FACTORS: readonly (readonly [Pair, Pair, Pair, Pair])[] = [
  [[8192, 8192], [10703, 4433], [11363, 9633], [6437, 2260]],
  [[8192, -8192], [4433, -10704], [9633, -2259], [-11362, -6436]],
  [[8192, -8192], [-4433, 10704], [6437, -11362], [2261, 9633]],
  [[8192, 8192], [-10703, -4433], [2260, -6436], [9633, -11363]],
];

/**
 * Turns the block into samples [8, 8] at `target`, in rows `stride` bytes apart, and clears it. Samples so far out of range
 * that libjpeg-turbo's 16-bit lanes may have overflowed, further than any picture's, are told of.
 */
export const inverseDct = functionOf(['target', 'stride'], ({ target, stride }, local) => {
  const rows = eight.map(() => local('v128'));
  const columns = eight.map(() => local('v128'));
  const spare = Array.from({ length: 10 }, () => local('v128'));
  const [wide] = spare as [Local];
  const row = (index: number) => rows[index] as Local;
  const turned = (from: readonly Local[], to: readonly Local[]): Code =>
    eight.map((index) => {
      const [first, second] = [from[index >> 1] as Local, from[(index >> 1) + 4] as Local];
      return set(to[index] as Local, zip(index & 1 ? 4 : 0, first, second));
    });
  const transpose = [turned(columns, rows), turned(rows, columns), turned(columns, rows)];
  const isWide = (samples: Code) => v128.and(i16x8.add(samples, i16x8.const(128)), i16x8.const(-512));
  return [
    eight.map((index) => set(row(index), v128.load(i32.const(BLOCK), 16 * index))),
    eight.map((index) => v128.store(i32.const(BLOCK), i32x4.const(0), 16 * index)),
    transform(rows, columns, spare, 1024, 11),
    transpose,
    // 128 is added before the shift, and half of what is shifted out.
    transform(rows, columns, spare, (128 << 18) + (1 << 17), 18),
    transpose,
    set(wide, i32x4.const(0)),
    eight.map((index) => set(wide, v128.or(wide, isWide(row(index))))),
    i32.store(i32.const(0), i32.or(i32.load(i32.const(0), DAMAGED), v128.anyTrue(wide)), DAMAGED),
    [0, 2, 4, 6].map((index) => [
      set(wide, i8x16.narrow(row(index), row(index + 1))),
      ...[v128.storeHalf(0, target, wide), advance(target, stride)],
      ...[v128.storeHalf(1, target, wide), advance(target, stride)],
    ]),
  ];
});
