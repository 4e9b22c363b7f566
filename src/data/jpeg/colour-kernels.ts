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

/** Writes 16 RGB pixels of luma and centred chroma. */
function writePixels(luma: Local, cb: Halves, cr: Halves, target: Local, local: NewLocal): Code {
  const y = local('v128');
  const [red, green, blue] = [0, 1, 2].map(() => [local('v128'), local('v128')] as const) as [Halves, Halves, Halves];
  /** Luma and what the chroma adds, of eight pixels. */
  const colour = (terms: readonly (readonly [chroma: Local, factor: number])[]): Code => {
    const four = (widen: typeof i32x4.extendLow) => {
      const added = terms.reduce<Code>(
        (sum, [chroma, factor]) => i32x4.add(sum, i32x4.multiply(widen(chroma), i32x4.const(factor))),
        i32x4.const(32768),
      );
      return i32x4.add(widen(y), i32x4.shiftRight(added, i32.const(16)));
    };
    return i16x8.narrow(four(i32x4.extendLow), four(i32x4.extendHigh));
  };
  const half = (index: 0 | 1): Code => [
    set(y, v128.load8x8(luma, 8 * index)),
    set(red[index], colour([[cr[index], 91881]])),
    set(green[index], colour([[cb[index], -22554], [cr[index], -46802]])),
    set(blue[index], colour([[cb[index], 116130]])),
  ];
  const bytes = (part: number) => lanes.map((lane) => ({ pixel: Math.floor((16 * part + lane) / 3), channel: (16 * part + lane) % 3 }));
  const redAndGreen = (part: number) =>
    v128.shuffle(
      bytes(part).map(({ pixel, channel }) => pixel + (channel === 1 ? 16 : 0)),
      red[0],
      green[0],
    );
  return [
    half(0),
    half(1),
    [red, green, blue].map(([first, second]) => set(first, i8x16.narrow(first, second))),
    [0, 1, 2].map((part) =>
      v128.store(
        target,
        v128.shuffle(
          bytes(part).map(({ pixel, channel }, lane) => (channel === 2 ? 16 + pixel : lane)),
          redAndGreen(part),
          blue[0],
        ),
        16 * part,
      ),
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

/** Of two vectors of 16-bit lanes, the low halves lane by lane, or the high ones. */
const zip = (from: 0 | 8, first: Code, second: Code) =>
  v128.shuffle(
    lanes.map((lane) => from + 2 * Math.floor(lane / 4) + (lane % 2) + (lane % 4 < 2 ? 0 : 16)),
    first,
    second,
  );

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
      const weighed = (at: number) => i16x8.add(threeTimes(v128.load8x8(near, at)), v128.load8x8(far, at));
      const side = (round: Local, at: number) =>
        i16x8.shiftRightUnsigned(
          i16x8.add(i16x8.add(threeTimes(here), weighed(at)), i16x8.splat(round)),
          i32.const(4),
        );
      return [
        set(here, weighed(1)),
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
