import {
  advance,
  block,
  branch,
  type Code,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  i64x2,
  type Local,
  repeatWhile,
  set,
  v128,
  when,
} from '../wasm/instructions.ts';
import { functionOf, instantiate } from '../wasm/module.ts';

/**
 * Moves an image; all numbers but `fill` are places or lengths in bytes of the kernels' memory. The source has EDGE pixels more
 * on every side.
 *
 * @param source its first pixel, without the edge
 * @param matrix [4, 2] numbers of 64 bits: of x and y the factors of the column, those of the row, what is added, and the extent
 * @param target rows `targetStride` apart without a gap; three bytes behind them are overwritten
 * @param fill the bytes of a pixel outside of the source
 */
type Move = (
  source: number,
  stride: number,
  matrix: number,
  target: number,
  targetEnd: number,
  targetStride: number,
  fill: number,
) => void;

export interface MoveKernels {
  readonly bilinear1: Move;
  readonly bilinear3: Move;
  readonly bicubic1: Move;
  readonly bicubic3: Move;
}

/** Pixels beyond the edges of an image that a sample may take. */
export const EDGE = 2;

/** The channels of a pixel as numbers of 64 bits. */
type Doubles = readonly [firstTwo: Code, third: Code];

const swapped = (value: Code) => v128.pick([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7], value);
const lower = (value: Code) => v128.pick([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7], value);
const upper = (value: Code) => v128.pick([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15], value);
const doubles = (value: Code): Doubles => [f64x2.convertLow(value), f64x2.convertLow(swapped(value))];
const each = (combine: (...values: readonly Code[]) => Code, ...values: readonly Doubles[]): Doubles => [
  combine(...values.map(([first]) => first)),
  combine(...values.map(([, third]) => third)),
];
const plus = (a: Code, b: Code) => f64x2.add(a, b);
const minus = (a: Code, b: Code) => f64x2.subtract(a, b);

function moveOf(channels: 1 | 3, interpolation: 'bilinear' | 'bicubic') {
  return functionOf(
    ['source', 'stride', 'matrix', 'target', 'targetEnd', 'targetStride', 'fill'],
    ({ source, stride, matrix, target, targetEnd, targetStride, fill }, local) => {
      const [rowEnd, place] = [local('i32'), local('i32')];
      const [row, column, position, dx, dy] = [0, 1, 2, 3, 4].map(() => local('v128')) as Five;
      const pixels = [0, 1, 2, 3].map(() => local('v128')) as Four;
      const lines = [0, 1, 2, 3].map(() => [local('v128'), local('v128')] as const);
      const result = lines[0] as readonly [Local, Local];
      const vector = (index: number) => v128.load(matrix, 16 * index);
      const keep = ([first, third]: readonly [Local, Local], value: Doubles): Code => [
        set(first, value[0]),
        channels === 3 ? set(third, value[1]) : [],
      ];

      /** Pixel `index` of those from a place on, its channels in lanes of 32 bits. */
      const pixel = (bytes: Code, index: number) => {
        const byte = (channel: number) => (channel < channels ? channels * index + channel : 128);
        return v128.pick(
          [0, 1, 2, 3].flatMap((channel) => [byte(channel), 128, 128, 128]),
          bytes,
        );
      };
      /** Keys' kernel with a = -1, of whole numbers; the order of the operations decides on the last bit. */
      const cubicOfPixels = ([v1, v2, v3, v4]: Four, distance: Local): Doubles => {
        const p2 = i32x4.subtract(v3, v1);
        const p3 = i32x4.subtract(i32x4.add(i32x4.shiftLeft(i32x4.subtract(v1, v2), i32.const(1)), v3), v4);
        const p4 = i32x4.add(i32x4.subtract(v2, v1), i32x4.subtract(v4, v3));
        return horner(doubles(v2), doubles(p2), doubles(p3), doubles(p4), distance);
      };
      const cubic = (values: readonly Doubles[], distance: Local): Doubles => {
        const [v1, v2, v3, v4] = values as [Doubles, Doubles, Doubles, Doubles];
        const p2 = each(minus, v3, v1);
        const difference = each(minus, v1, v2);
        const p3 = each(minus, each(plus, each(plus, difference, difference), v3), v4);
        const p4 = each(plus, each(minus, each(minus, v2, v1), v3), v4);
        return horner(v2, p2, p3, p4, distance);
      };
      const horner = (p1: Doubles, p2: Doubles, p3: Doubles, p4: Doubles, distance: Local): Doubles => {
        const step = (sum: Doubles, next: Doubles) =>
          each((a, b) => f64x2.add(b, f64x2.multiply(distance, a)), sum, next);
        return step(step(step(p4, p3), p2), p1);
      };
      /** Between two values, of which each may be a whole number. */
      const linear = (a: Doubles, b: Doubles, distance: Local): Doubles =>
        each((from, to) => f64x2.add(from, f64x2.multiply(f64x2.subtract(to, from), distance)), a, b);

      /** The bytes of line `index` of those around a place. */
      const lineAt = (index: number) => v128.load(i32.add(place, i32.multiply(stride, i32.const(index - 1))));
      const loadLine = (index: number) => {
        const bytes = row4;
        return [set(bytes, lineAt(index)), pixels.map((each, pixelIndex) => set(each, pixel(bytes, pixelIndex)))];
      };
      const row4 = local('v128');
      const loadColumn = pixels.map((each, index) => set(each, pixel(lineAt(index), 1)));
      const whole: Code =
        interpolation === 'bicubic'
          ? [
              [0, 1, 2, 3].map((index) => [
                loadLine(index),
                keep(lines[index] as typeof result, cubicOfPixels(pixels, dx)),
              ]),
              keep(result, cubic(lines, dy)),
            ]
          : [
              [1, 2].map((index) => [
                loadLine(index),
                keep(lines[index] as typeof result, linear(doubles(pixels[1]), doubles(pixels[2]), dx)),
              ]),
              keep(result, linear(lines[1] as Doubles, lines[2] as Doubles, dy)),
            ];
      /** Where a place lies in the middle of a line or column, others have no weight: Keys' kernel leaves its values. */
      const sample =
        interpolation === 'bilinear'
          ? whole
          : block(
              when(
                i64x2.allTrue(f64x2.isEqual(dy, f64x2.const(0))),
                loadLine(1),
                keep(result, cubicOfPixels(pixels, dx)),
                branch(1),
              ),
              when(
                i64x2.allTrue(f64x2.isEqual(dx, f64x2.const(0))),
                loadColumn,
                keep(result, cubicOfPixels(pixels, dy)),
                branch(1),
              ),
              whole,
            );
      const isInside = i64x2.allTrue(
        v128.and(f64x2.greaterOrEqual(position, f64x2.const(0)), f64x2.less(position, vector(3))),
      );
      const put = (value: Code) => (channels === 3 ? i32.store(target, value) : i32.storeByte(target, value));
      const whollyPlaced = f64x2.floor(position);
      const wholeNumbers = f64x2.truncate(row4);
      return [
        set(row, f64x2.const(0.5)),
        repeatWhile(
          i32.lessUnsigned(target, targetEnd),
          set(rowEnd, i32.add(target, targetStride)),
          set(column, f64x2.const(0.5)),
          repeatWhile(
            i32.lessUnsigned(target, rowEnd),
            set(
              position,
              f64x2.add(f64x2.add(f64x2.multiply(vector(0), column), f64x2.multiply(vector(1), row)), vector(2)),
            ),
            block(
              when(
                isInside,
                set(position, f64x2.subtract(position, f64x2.const(0.5))),
                set(row4, whollyPlaced),
                set(position, f64x2.subtract(position, row4)),
                ...[set(dx, lower(position)), set(dy, upper(position))],
                set(row4, wholeNumbers),
                set(place, i32.add(source, i32.multiply(i32x4.secondLane(row4), stride))),
                advance(place, i32.multiply(i32.subtract(i32x4.firstLane(row4), i32.const(1)), i32.const(channels))),
                sample,
                set(row4, f64x2.truncate(result[0])),
                channels === 3
                  ? set(
                      row4,
                      v128.shuffle(
                        [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
                        row4,
                        f64x2.truncate(result[1]),
                      ),
                    )
                  : [],
                set(row4, i16x8.narrow(row4, row4)),
                put(i32x4.firstLane(i8x16.narrow(row4, row4))),
                branch(1),
              ),
              put(fill),
            ),
            advance(target, i32.const(channels)),
            set(column, f64x2.add(column, f64x2.const(1))),
          ),
          set(row, f64x2.add(row, f64x2.const(1))),
        ),
      ];
    },
  );
}

type Four = [Local, Local, Local, Local];
type Five = [...Four, Local];

let kernels: MoveKernels | undefined;

export function moveKernels(): MoveKernels {
  kernels ??= instantiate({
    bilinear1: moveOf(1, 'bilinear'),
    bilinear3: moveOf(3, 'bilinear'),
    bicubic1: moveOf(1, 'bicubic'),
    bicubic3: moveOf(3, 'bicubic'),
  }) as MoveKernels;
  return kernels;
}
