import {
  advance,
  type Code,
  i8x16,
  i16x8,
  i32,
  i32x4,
  type Local,
  repeatWhile,
  set,
  v128,
} from '../wasm/instructions.ts';
import { functionOf, type NewLocal } from '../wasm/module.ts';

/** Two vectors of eight numbers of 16 bits, of 16 pixels. */
type Halves = readonly [Local, Local];

const lanes = Array.from({ length: 16 }, (_, lane) => lane);
const centred = (samples: Code) => i16x8.subtract(samples, i16x8.const(128));

/** Of two vectors of 16-bit lanes, the low halves lane by lane, or the high ones. */
const zip = (from: 0 | 8, first: Code, second: Code) =>
  v128.shuffle(
    lanes.map((lane) => from + 2 * Math.floor(lane / 4) + (lane % 2) + (lane % 4 < 2 ? 0 : 16)),
    first,
    second,
  );

/** Sums of products of lanes of two vectors with two factors, rounded, without the lowest 16 bits. */
function weighed(first: Code, second: Code, factors: readonly [number, number]): Code {
  const half = (from: 0 | 8) =>
    i32x4.shiftRight(
      i32x4.add(i32x4.dot(zip(from, first, second), i16x8.constPairs(...factors)), i32x4.const(32768)),
      i32.const(16),
    );
  return i16x8.narrow(half(0), half(8));
}

/** Writes 16 RGB pixels of luma and centred chroma. Of factors that 16 bits do not hold, whole parts are added apart. */
function writePixels(luma: Local, cb: Halves, cr: Halves, target: Local, local: NewLocal): Code {
  const y = local('v128');
  const colours = [0, 1, 2].map(() => [local('v128'), local('v128')] as const) as [Halves, Halves, Halves];
  const half = (index: 0 | 1): Code => {
    const [blueness, redness] = [cb[index], cr[index]];
    const [red, green, blue] = colours.map((halves) => halves[index]) as [Local, Local, Local];
    // 1.402, -0.344136 and -0.714136, 1.772.
    const [redAdded, greenAdded, blueAdded] = [
      i16x8.add(weighed(blueness, redness, [0, 91881 - 65536]), redness),
      i16x8.subtract(weighed(blueness, redness, [-22554, 65536 - 46802]), redness),
      i16x8.add(weighed(blueness, redness, [116130 - 131072, 0]), i16x8.add(blueness, blueness)),
    ];
    return [
      set(y, v128.load8x8(luma, 8 * index)),
      set(red, i16x8.add(y, redAdded)),
      set(green, i16x8.add(y, greenAdded)),
      set(blue, i16x8.add(y, blueAdded)),
    ];
  };
  /** Those of 16 bytes of RGB that are of a colour. */
  const bytesOf = (part: number, colour: 0 | 1 | 2): Code =>
    v128.pick(
      lanes.map((lane) => ((16 * part + lane) % 3 === colour ? Math.floor((16 * part + lane) / 3) : 128)),
      colours[colour][0],
    );
  return [
    half(0),
    half(1),
    colours.map(([first, second]) => set(first, i8x16.narrow(first, second))),
    [0, 1, 2].map((part) =>
      v128.store(target, v128.or(v128.or(bytesOf(part, 0), bytesOf(part, 1)), bytesOf(part, 2)), 16 * part),
    ),
  ];
}

/**
 * A row of RGB pixels with a sample of chroma for each; 16 pixels at a time.
 *
 * `end` is where the row of the target ends, at most 15 pixels before the writing does.
 */
export const writeRow = functionOf(['luma', 'cb', 'cr', 'target', 'end'], ({ luma, cb, cr, target, end }, local) => {
  const [blue, red] = [0, 1].map(() => [local('v128'), local('v128')] as const) as [Halves, Halves];
  const load = ([low, high]: Halves, samples: Local): Code => [
    set(low, centred(v128.load8x8(samples))),
    set(high, centred(v128.load8x8(samples, 8))),
  ];
  return repeatWhile(
    i32.lessUnsigned(target, end),
    load(blue, cb),
    load(red, cr),
    writePixels(luma, blue, red, target, local),
    [luma, cb, cr].map((place) => advance(place, i32.const(16))),
    advance(target, i32.const(48)),
  );
});

/**
 * A row of RGB pixels from a row of luma and two rows of each chroma, the nearer and the farther one, of which two columns
 * share a sample; otherwise as {@link writeRow}. Chroma is read from one sample before the first on. `roundLeft` is added
 * before the sums for pixels left of a sample are divided, and `roundRight` for those right of it.
 */
export const writePairs = functionOf(
  ['luma', 'cbNear', 'cbFar', 'crNear', 'crFar', 'target', 'end', 'roundLeft', 'roundRight'],
  ({ luma, cbNear, cbFar, crNear, crFar, target, end, roundLeft, roundRight }, local) => {
    const [here, left, right] = [local('v128'), local('v128'), local('v128')];
    const [blue, red] = [0, 1].map(() => [local('v128'), local('v128')] as const) as [Halves, Halves];
    const threeTimes = (value: Code) => i16x8.multiply(value, i16x8.const(3));
    const upsample = ([low, high]: Halves, near: Local, far: Local): Code => {
      const nearAndFar = (at: number) => i16x8.add(threeTimes(v128.load8x8(near, at)), v128.load8x8(far, at));
      const side = (round: Local, at: number) =>
        i16x8.shiftRightUnsigned(
          i16x8.add(i16x8.add(threeTimes(here), nearAndFar(at)), i16x8.splat(round)),
          i32.const(4),
        );
      return [
        set(here, nearAndFar(1)),
        set(left, side(roundLeft, 0)),
        set(right, side(roundRight, 2)),
        set(low, centred(zip(0, left, right))),
        set(high, centred(zip(8, left, right))),
      ];
    };
    return repeatWhile(
      i32.lessUnsigned(target, end),
      upsample(blue, cbNear, cbFar),
      upsample(red, crNear, crFar),
      writePixels(luma, blue, red, target, local),
      advance(luma, i32.const(16)),
      [cbNear, cbFar, crNear, crFar].map((place) => advance(place, i32.const(8))),
      advance(target, i32.const(48)),
    );
  },
);
