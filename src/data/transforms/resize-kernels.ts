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
import { functionOf, instantiate } from '../wasm/module.ts';

/** Bits after the point of weights: a sum of products with bytes, overshooting included, fits into 32 bits. */
export const PRECISION = 22;
export const ONE = 2 ** PRECISION;
/** Half of the last bit that remains. */
export const HALF = ONE / 2;

/** All numbers are places in the kernels' memory or lengths, in bytes. */
export interface ResizeKernels {
  /**
   * A line of RGB pixels, scaled: pixel i of the result is a weighted sum of pixels from `source` + first[i] on, four to a
   * group. One byte behind the line is overwritten.
   *
   * @param first [pixels] places, and `end` where they end
   * @param weights [pixels, `groupBytes` / 16, 8] numbers of 16 bits: of each weight of a group the bits above the lowest
   *   LOW_BITS, then those
   */
  line(source: number, first: number, end: number, weights: number, groupBytes: number, target: number): void;
  /**
   * A line that is a weighted sum of lines `stride` apart, 16 bytes at a time.
   *
   * @param end of the target
   * @param weightsEnd of the weights, one for each line
   */
  column(source: number, stride: number, weights: number, weightsEnd: number, target: number, end: number): void;
}

/** Weights of lines are taken in two parts, so that products of 16 bits are enough. */
export const LOW_BITS = 11;

/** Two of four neighbouring RGB pixels, channel by channel: lanes of 16 bits in pairs, of which the last is zero. */
const pairs = (first: number) => {
  const channel = (of: number) => [first + of, 128, first + of + 3, 128];
  return [channel(0), channel(1), channel(2), [128, 128, 128, 128]].flat();
};

const line = functionOf(
  ['source', 'first', 'end', 'weights', 'groupBytes', 'target'],
  ({ source, first, end, weights, groupBytes, target }, local) => {
    const [place, weightsEnd] = [local('i32'), local('i32')];
    const [pixels, left, right, high, low] = [0, 1, 2, 3, 4].map(() => local('v128')) as Five;
    /** Adds two pixels' products with the weights' parts at an offset. */
    const weigh = (sum: Local, offset: number) =>
      set(
        sum,
        i32x4.add(
          i32x4.add(sum, i32x4.dot(left, v128.loadSplat32(weights, offset))),
          i32x4.dot(right, v128.loadSplat32(weights, offset + 4)),
        ),
      );
    return repeatWhile(
      i32.lessUnsigned(first, end),
      set(place, i32.add(source, i32.load(first))),
      set(weightsEnd, i32.add(weights, groupBytes)),
      set(high, i32x4.const(0)),
      set(low, i32x4.const(HALF)),
      repeatWhile(
        i32.lessUnsigned(weights, weightsEnd),
        set(pixels, v128.load(place)),
        set(left, v128.pick(pairs(0), pixels)),
        set(right, v128.pick(pairs(6), pixels)),
        weigh(high, 0),
        weigh(low, 8),
        advance(place, i32.const(12)),
        advance(weights, i32.const(16)),
      ),
      set(low, i32x4.add(low, i32x4.shiftLeft(high, i32.const(LOW_BITS)))),
      set(low, i32x4.shiftRight(low, i32.const(PRECISION))),
      set(low, i16x8.narrow(low, low)),
      i32.store(target, i32x4.firstLane(i8x16.narrow(low, low))),
      advance(target, i32.const(3)),
      advance(first, i32.const(4)),
    );
  },
);

type Five = [Local, Local, Local, Local, Local];

const column = functionOf(
  ['source', 'stride', 'weights', 'weightsEnd', 'target', 'end'],
  ({ source, stride, weights, weightsEnd, target, end }, local) => {
    const [place, weight] = [local('i32'), local('i32')];
    const [bytes, factor] = [local('v128'), local('v128')];
    const sums = [local('v128'), local('v128'), local('v128'), local('v128')] as const;
    const halves = [i16x8.extendLowUnsigned(bytes), i16x8.extendHighUnsigned(bytes)];
    const quarters = halves.flatMap((half) => [i32x4.extendLowUnsigned(half), i32x4.extendHighUnsigned(half)]);
    const [first, second, third, fourth] = sums.map((sum) => i32x4.shiftRight(sum, i32.const(PRECISION))) as Four;
    return repeatWhile(
      i32.lessUnsigned(target, end),
      set(place, source),
      set(weight, weights),
      sums.map((sum) => set(sum, i32x4.const(HALF))),
      repeatWhile(
        i32.lessUnsigned(weight, weightsEnd),
        set(bytes, v128.load(place)),
        set(factor, v128.loadSplat32(weight)),
        quarters.map((quarter, index) => {
          const sum = sums[index] as Local;
          return set(sum, i32x4.add(sum, i32x4.multiply(quarter, factor)));
        }),
        advance(place, stride),
        advance(weight, i32.const(4)),
      ),
      v128.store(target, i8x16.narrow(i16x8.narrow(first, second), i16x8.narrow(third, fourth))),
      advance(source, i32.const(16)),
      advance(target, i32.const(16)),
    );
  },
);

type Four = [Code, Code, Code, Code];

let kernels: ResizeKernels | undefined;

export function resizeKernels(): ResizeKernels {
  kernels ??= instantiate({ line, column }) as ResizeKernels;
  return kernels;
}
