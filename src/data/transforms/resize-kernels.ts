import {
  advance,
  type FunctionBody,
  get,
  i32,
  instantiate,
  moduleOf,
  repeatWhile,
  set,
  v128,
  type WasmMemory,
} from '../wasm.ts';

/** Bits after the point of weights: a sum of products with bytes, overshooting included, fits into 32 bits. */
export const PRECISION = 22;
/** Half of the last bit that remains. */
export const HALF = 1 << (PRECISION - 1);

/** What the kernels read and write lies in their memory; all numbers are places or lengths in bytes. */
export interface ResizeKernels {
  readonly memory: WasmMemory;
  /**
   * A line of RGB pixels, scaled: pixel i of the result is a weighted sum of `taps` / 4 pixels from `source` + first[i] on. One
   * byte behind the line is overwritten.
   *
   * @param first [pixels] places, and `end` where they end
   * @param weights [pixels, taps / 4]
   */
  line(source: number, first: number, end: number, weights: number, taps: number, target: number): void;
  /**
   * A line that is a weighted sum of lines `stride` apart, 16 bytes at a time.
   *
   * @param end of the target
   * @param weightsEnd of the weights, one for each line
   */
  column(source: number, stride: number, weights: number, weightsEnd: number, target: number, end: number): void;
}

const shifted = [i32.const(PRECISION), v128.shiftRight32].flat();

/** Lanes are red, green, blue, and what follows, which the next pixel replaces. */
const line: FunctionBody = (() => {
  const [source, first, end, weights, taps, target, place, weightsEnd, sum] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  return {
    parameters: 6,
    locals: 2,
    vectors: 1,
    code: [
      repeatWhile(
        first,
        end,
        [...get(source), ...get(first), ...i32.load(0), ...i32.add, ...set(place)],
        [...get(weights), ...get(taps), ...i32.add, ...set(weightsEnd)],
        [...v128.const(HALF), ...set(sum)],
        repeatWhile(
          weights,
          weightsEnd,
          [...get(place), ...v128.load32(0), ...v128.extendLow8, ...v128.extendLow16],
          [...get(weights), ...v128.splat32(0), ...v128.multiply32],
          [...get(sum), ...v128.add32, ...set(sum)],
          advance(place, 3),
          advance(weights, 4),
        ),
        [...get(target), ...get(sum), ...shifted, ...get(sum), ...v128.narrow32],
        [...get(sum), ...v128.narrow16, ...v128.firstLane, ...i32.store(0)],
        advance(target, 3),
        advance(first, 4),
      ),
    ],
  };
})();

const column: FunctionBody = (() => {
  const [source, stride, weights, weightsEnd, target, end, place, weight] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [bytes, half, factor, ...sums] = [8, 9, 10, 11, 12, 13, 14];
  const [first, second, third, fourth] = sums as [number, number, number, number];
  const weigh = (from: number, widen: readonly number[], sum: number) =>
    [get(sum), get(from), widen, get(factor), v128.multiply32, v128.add32, set(sum)].flat();
  const scaled = (sum: number) => [...get(sum), ...shifted];
  return {
    parameters: 6,
    locals: 2,
    vectors: 7,
    code: [
      repeatWhile(
        target,
        end,
        [...get(source), ...set(place)],
        [...get(weights), ...set(weight)],
        sums.flatMap((sum) => [...v128.const(HALF), ...set(sum)]),
        repeatWhile(
          weight,
          weightsEnd,
          [...get(place), ...v128.load(0), ...set(bytes)],
          [...get(weight), ...v128.splat32(0), ...set(factor)],
          [...get(bytes), ...v128.extendLow8, ...set(half)],
          weigh(half, v128.extendLow16, first),
          weigh(half, v128.extendHigh16, second),
          [...get(bytes), ...v128.extendHigh8, ...set(half)],
          weigh(half, v128.extendLow16, third),
          weigh(half, v128.extendHigh16, fourth),
          [...get(place), ...get(stride), ...i32.add, ...set(place)],
          advance(weight, 4),
        ),
        [...get(target), ...scaled(first), ...scaled(second), ...v128.narrow32],
        [...scaled(third), ...scaled(fourth), ...v128.narrow32, ...v128.narrow16, ...v128.store(0)],
        advance(source, 16),
        advance(target, 16),
      ),
    ],
  };
})();

/** The kernels with a memory of their own. */
export function resizeKernels(): ResizeKernels {
  return instantiate(moduleOf({ line, column })) as ResizeKernels;
}
