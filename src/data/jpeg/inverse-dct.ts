import { advance, type Code, i8x16, i16x8, i32, i32x4, type Local, set, v128 } from '../wasm/instructions.ts';
import { functionOf } from '../wasm/module.ts';
import { BLOCK, DAMAGED } from './layout.ts';

/** Samples across and down that a block of 8×8 coefficients becomes: fewer, and the image is reduced. */
export type Side = 8 | 4 | 2 | 1;

/** Two coefficients, and their factors in 13-bit fixed point. */
type Term = readonly [first: number, second: number, firstFactor: number, secondFactor: number];

/**
 * Of each sample of the first half of a line, the sums of even and odd coefficients that are added up, and subtracted for the
 * sample in the same place from the end.
 *
 * The arithmetic is that of the Independent JPEG Group, which libjpeg-turbo's vector code gives to the last bit: Loeffler,
 * Ligtenberg and Moschytz (1989) in `jidctint.c`, the accurate integer method, and in `jidctred.c`; here with its factors
 * multiplied out, which in whole numbers is the same.
 */
const SAMPLES: Readonly<Record<8 | 4 | 2, readonly { even: readonly Term[]; odd: readonly Term[] }[]>> = {
  8: [
    {
      even: [
        [0, 4, 8192, 8192],
        [2, 6, 10703, 4433],
      ],
      odd: [
        [1, 3, 11363, 9633],
        [5, 7, 6437, 2260],
      ],
    },
    {
      even: [
        [0, 4, 8192, -8192],
        [2, 6, 4433, -10704],
      ],
      odd: [
        [1, 3, 9633, -2259],
        [5, 7, -11362, -6436],
      ],
    },
    {
      even: [
        [0, 4, 8192, -8192],
        [2, 6, -4433, 10704],
      ],
      odd: [
        [1, 3, 6437, -11362],
        [5, 7, 2261, 9633],
      ],
    },
    {
      even: [
        [0, 4, 8192, 8192],
        [2, 6, -10703, -4433],
      ],
      odd: [
        [1, 3, 2260, -6436],
        [5, 7, 9633, -11363],
      ],
    },
  ],
  4: [
    {
      even: [
        [0, 2, 16384, 15137],
        [0, 6, 0, -6270],
      ],
      odd: [
        [1, 3, 20995, 7373],
        [5, 7, -4926, -4176],
      ],
    },
    {
      even: [
        [0, 2, 16384, -15137],
        [0, 6, 0, 6270],
      ],
      odd: [
        [1, 3, 8697, -17799],
        [5, 7, 11893, -1730],
      ],
    },
  ],
  2: [
    {
      even: [[0, 0, 16384, 16384]],
      odd: [
        [1, 3, 29692, -10426],
        [5, 7, 6967, -5906],
      ],
    },
  ],
};

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
 * Eight one-dimensional transforms side by side: coefficient i of each in `from[i]`, sample i goes to `to[i]`. Samples have
 * `shift` bits dropped after `bias` is added.
 */
function transform(
  side: 8 | 4 | 2,
  from: readonly Local[],
  to: readonly Local[],
  spare: readonly Local[],
  bias: number,
  shift: number,
): Code {
  const [sum, other, ...low] = spare as [Local, Local, ...Local[]];
  const half = (start: 0 | 4): Code => {
    const dot = ([first, second, ...factors]: Term) =>
      i32x4.dot(zip(start, from[first] as Local, from[second] as Local), i16x8.constPairs(...factors));
    const total = (terms: readonly Term[]) => terms.map(dot).reduce((first, second) => i32x4.add(first, second));
    const put = (at: number, value: Code): Code => {
      const shifted = i32x4.shiftRight(value, i32.const(shift));
      return start === 0
        ? set(low[at] as Local, shifted)
        : set(to[at] as Local, i16x8.narrow(low[at] as Local, shifted));
    };
    return SAMPLES[side].map(({ even, odd }, place) => [
      set(sum, i32x4.add(total(even), i32x4.const(bias))),
      set(other, total(odd)),
      put(place, i32x4.add(sum, other)),
      put(side - 1 - place, i32x4.subtract(sum, other)),
    ]);
  };
  return [half(0), half(4)];
}

const clearBlock = eight.map((index) => v128.store(i32.const(BLOCK), i32x4.const(0), 16 * index));

/**
 * Turns the block into samples [side, side] at `target`, in rows `stride` bytes apart, and clears it. Samples so far out of
 * range that libjpeg-turbo's 16-bit lanes may have overflowed, further than any picture's, are told of.
 */
function inverseDct(side: 8 | 4 | 2) {
  return functionOf(['target', 'stride'], ({ target, stride }, local) => {
    const rows = eight.map(() => local('v128'));
    const columns = eight.map(() => local('v128'));
    const spare = Array.from({ length: 10 }, () => local('v128'));
    const [wide] = spare as [Local];
    const used = eight.slice(0, side);
    const row = (index: number) => rows[index] as Local;
    const turned = (from: readonly Local[], to: readonly Local[]): Code =>
      eight.map((index) => {
        const [first, second] = [from[index >> 1] as Local, from[(index >> 1) + 4] as Local];
        return set(to[index] as Local, zip(index & 1 ? 4 : 0, first, second));
      });
    const clear = columns.slice(side).map((each) => set(each, i32x4.const(0)));
    const transpose = [clear, turned(columns, rows), turned(rows, columns), turned(columns, rows)];
    const isWide = (samples: Code) => v128.and(i16x8.add(samples, i16x8.const(128)), i16x8.const(-512));
    // A line of fewer samples has each the sum of two or four.
    const reduction = Math.log2(8 / side);
    const last = 18 + reduction;
    const storeTwo = (index: number) => [
      set(wide, i8x16.narrow(row(index), row(index + 1))),
      ...[v128.storeHalf(0, target, wide), advance(target, stride)],
      ...[v128.storeHalf(1, target, wide), advance(target, stride)],
    ];
    const storeOne = (index: number) => {
      const bytes = i32x4.firstLane(i8x16.narrow(row(index), row(index)));
      return [side === 4 ? i32.store(target, bytes) : i32.store16(target, bytes), advance(target, stride)];
    };
    return [
      eight.map((index) => set(row(index), v128.load(i32.const(BLOCK), 16 * index))),
      clearBlock,
      transform(side, rows, columns, spare, 1 << (10 + reduction), 11 + reduction),
      transpose,
      // 128 is added before the shift, and half of what is shifted out.
      transform(side, rows, columns, spare, (128 << last) + (1 << (last - 1)), last),
      transpose,
      set(wide, i32x4.const(0)),
      used.map((index) => set(wide, v128.or(wide, isWide(row(index))))),
      i32.store(i32.const(0), i32.or(i32.load(i32.const(0), DAMAGED), v128.anyTrue(wide)), DAMAGED),
      side === 8 ? [0, 2, 4, 6].map(storeTwo) : used.map(storeOne),
    ];
  });
}

/** The mean of the block, which is all that one sample shows of it. */
const mean = functionOf(['target', 'stride'], ({ target }, local) => {
  const sample = local('i32');
  const bytes = i8x16.narrow(i16x8.narrow(i32x4.splat(sample), i32x4.splat(sample)), i32x4.const(0));
  const isWide = i32.greaterUnsigned(i32.add(sample, i32.const(128)), i32.const(511));
  return [
    // An eighth of the first coefficient, rounded.
    set(sample, i32.shiftRight(i32.add(i32.load16(i32.const(BLOCK)), i32.const(4 + (128 << 3))), i32.const(3))),
    i32.store(i32.const(0), i32.or(i32.load(i32.const(0), DAMAGED), isWide), DAMAGED),
    i32.storeByte(target, i32x4.firstLane(bytes)),
    clearBlock,
  ];
});

/** The transforms by the side of what they write. */
export const inverseDcts = { 8: inverseDct(8), 4: inverseDct(4), 2: inverseDct(2), 1: mean } as const;
