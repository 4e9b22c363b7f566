import { advance, type Code, f32x4, i8x16, i16x8, i32, i32x4, repeatWhile, set, v128 } from '../wasm/instructions.ts';
import { functionOf, instantiate } from '../wasm/module.ts';

/** Numbers are places in the kernels' memory, or lengths in bytes; `factor` is the bits of a number of single precision. */
export interface ColourKernels {
  /** Replaces bytes by those at their places of three tables of 256 in turn; up to two bytes behind are overwritten. */
  mapBytes(source: number, end: number, tables: number, target: number): void;
  /** Counts the values of three channels to `counts` [3, 256], numbers of 32 bits. */
  countValues(source: number, end: number, counts: number): void;
  /** Blends RGB pixels with their luma, by fours; up to 16 bytes behind are overwritten. */
  blendWithLuma(source: number, end: number, target: number, factor: number): void;
  /**
   * Blends bytes with what their eight neighbours and they themselves come to, weighing 1 and 5, by eights; up to eight bytes
   * behind are overwritten.
   */
  blendWithNeighbours(
    source: number,
    end: number,
    target: number,
    factor: number,
    stride: number,
    channels: number,
  ): void;
}

const mapBytes = functionOf(['source', 'end', 'tables', 'target'], ({ source, end, tables, target }) =>
  repeatWhile(
    i32.lessUnsigned(source, end),
    [0, 1, 2].map((channel) =>
      i32.storeByte(target, i32.loadByte(i32.add(tables, i32.loadByte(source, channel)), 256 * channel), channel),
    ),
    advance(source, i32.const(3)),
    advance(target, i32.const(3)),
  ),
);

const countValues = functionOf(['source', 'end', 'counts'], ({ source, end, counts }, local) => {
  const place = local('i32');
  return repeatWhile(
    i32.lessUnsigned(source, end),
    [0, 1, 2].map((channel) => [
      set(place, i32.add(counts, i32.shiftLeft(i32.loadByte(source, channel), i32.const(2)))),
      i32.store(place, i32.add(i32.load(place, 1024 * channel), i32.const(1)), 1024 * channel),
    ]),
    advance(source, i32.const(3)),
  );
});

/** A degenerate version, and from there a factor of the way to the value, in single precision; truncated. */
function blend(degenerate: Code, value: Code, factor: Code): Code {
  const way = f32x4.multiply(factor, f32x4.convert(i32x4.subtract(value, degenerate)));
  return f32x4.truncate(f32x4.add(f32x4.convert(degenerate), way));
}

/** Bytes in lanes of 32 bits. */
const spread = (places: readonly number[], bytes: Code) =>
  v128.pick(
    places.flatMap((place) => [place, 128, 128, 128]),
    bytes,
  );

const blendWithLuma = functionOf(['source', 'end', 'target', 'factor'], ({ source, end, target, factor }, local) => {
  const [pixels, luma, result] = [local('v128'), local('v128'), local('v128')];
  const colour = (channel: number) =>
    spread(
      [0, 3, 6, 9].map((place) => place + channel),
      pixels,
    );
  // ITU-R 601-2 in 16-bit fixed point, as PIL's `convert('L')`.
  const weighed = [19595, 38470, 7471].map((weight, channel) => i32x4.multiply(colour(channel), i32x4.const(weight)));
  const sum = weighed.reduce((total, each) => i32x4.add(total, each), i32x4.const(0x8000));
  const clipped = (value: Code) => i32x4.most(i32x4.least(value, i32x4.const(255)), i32x4.const(0));
  return repeatWhile(
    i32.lessUnsigned(source, end),
    set(pixels, v128.load(source)),
    set(luma, i32x4.shiftRight(sum, i32.const(16))),
    set(result, i32x4.const(0)),
    [0, 1, 2].map((channel) => {
      const blended = clipped(blend(luma, colour(channel), i32x4.splat(factor)));
      return set(result, v128.or(result, i32x4.shiftLeft(blended, i32.const(8 * channel))));
    }),
    v128.store(target, v128.pick([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 128, 128, 128, 128], result)),
    advance(source, i32.const(12)),
    advance(target, i32.const(12)),
  );
});

const blendWithNeighbours = functionOf(
  ['source', 'end', 'target', 'factor', 'stride', 'channels'],
  ({ source, end, target, factor, stride, channels }, local) => {
    const [sum, value] = [local('v128'), local('v128')];
    const columnOfThree = (place: Code) =>
      i16x8.add(
        i16x8.add(v128.load8x8(i32.subtract(place, stride)), v128.load8x8(place)),
        v128.load8x8(i32.add(place, stride)),
      );
    const columns = [i32.subtract(source, channels), source, i32.add(source, channels)].map(columnOfThree);
    const four = (multiply: typeof i32x4.multiplyLow, extend: typeof i32x4.extendLow) => {
      // A 26th: exact for numbers up to 18,000.
      const smooth = i32x4.shiftRight(multiply(sum, i16x8.const(10_083)), i32.const(18));
      return blend(smooth, extend(value), i32x4.splat(factor));
    };
    return repeatWhile(
      i32.lessUnsigned(source, end),
      set(value, v128.load8x8(source)),
      set(
        sum,
        columns.reduce((total, column) => i16x8.add(total, column), i16x8.shiftLeft(value, i32.const(2))),
      ),
      // Rounded: (2 sum + 13) / 26.
      set(sum, i16x8.add(i16x8.add(sum, sum), i16x8.const(13))),
      set(
        sum,
        i16x8.narrow(
          four(i32x4.multiplyLow, i32x4.extendLowUnsigned),
          four(i32x4.multiplyHigh, i32x4.extendHighUnsigned),
        ),
      ),
      v128.storeHalf(0, target, i8x16.narrow(sum, sum)),
      advance(source, i32.const(8)),
      advance(target, i32.const(8)),
    );
  },
);

let kernels: ColourKernels | undefined;

export function colourKernels(): ColourKernels {
  kernels ??= instantiate({ mapBytes, countValues, blendWithLuma, blendWithNeighbours }) as ColourKernels;
  return kernels;
}
