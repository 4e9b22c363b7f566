import { type Code, type FunctionBody, get, i32, instantiate, moduleOf, set, v128, type WasmMemory } from '../wasm.ts';

/** Where a block of dequantised coefficients lies in the kernel's memory: 64 numbers of 32 bits, in natural order. */
export const BLOCK = 0;
/** Where a number of 32 bits is not 0 after a block held what no picture does. */
export const OVERDRIVEN = 256;
/** Where memory begins that is free. */
export const FREE = 512;

/** What the kernel reads and writes lies in its memory. */
export interface DctKernel {
  readonly memory: WasmMemory;
  /**
   * Turns the block into samples [8, 8] at `target`, in rows `stride` bytes apart, and clears it.
   *
   * The arithmetic is that of the Independent JPEG Group's `jidctint.c`, the accurate integer method, which libjpeg-turbo's
   * vector code gives to the last bit: Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point. That code has 16-bit
   * lanes: samples so far out of range that they overflowed there, which is further than any picture's, are told of.
   */
  inverseDct(target: number, stride: number): void;
}

const eight = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const times = (value: Code, factor: number): Code => [...value, ...v128.const(factor), ...v128.multiply32];
const sum = (first: Code, ...others: readonly Code[]): Code => [
  ...first,
  ...others.flatMap((other) => [...other, ...v128.add32]),
];
const difference = (first: Code, second: Code): Code => [...first, ...second, ...v128.subtract32];

/** Four one-dimensional transforms side by side, of eight locals in their places. */
function transform(places: readonly number[], spare: readonly number[], bias: number, shift: number): Code {
  const [c0, c1, c2, c3, c4, c5, c6, c7] = places.map(get) as [Code, Code, Code, Code, Code, Code, Code, Code];
  const code: number[] = [];
  let used = 0;
  /** Keeps a value in a local. */
  const keep = (value: Code): Code => {
    const local = spare[used++] as number;
    code.push(...value, ...set(local));
    return get(local);
  };
  const scaled = (value: Code): Code => sum([...value, ...i32.const(13), ...v128.shiftLeft32], v128.const(bias));
  const e1 = keep(times(sum(c2, c6), 4433));
  const e2 = keep(difference(e1, times(c6, 15137)));
  const e3 = keep(sum(e1, times(c2, 6270)));
  const e4 = keep(scaled(sum(c0, c4)));
  const e5 = keep(scaled(difference(c0, c4)));
  const z5 = keep(times(sum(c7, c3, c5, c1), 9633));
  const z1 = keep(times(sum(c7, c1), -7373));
  const z2 = keep(times(sum(c5, c3), -20995));
  const z3 = keep(sum(times(sum(c7, c3), -16069), z5));
  const z4 = keep(sum(times(sum(c5, c1), -3196), z5));
  const odd = [
    keep(sum(times(c1, 12299), z1, z4)),
    keep(sum(times(c3, 25172), z2, z3)),
    keep(sum(times(c5, 16819), z2, z4)),
    keep(sum(times(c7, 2446), z1, z3)),
  ];
  const even = [sum(e4, e3), sum(e5, e2), difference(e5, e2), difference(e4, e3)].map(keep);
  const put = (place: number, value: Code) =>
    code.push(...value, ...i32.const(shift), ...v128.shiftRight32, ...set(places[place] as number));
  for (const [index, value] of even.entries()) {
    put(index, sum(value, odd[index] as Code));
    put(7 - index, difference(value, odd[index] as Code));
  }
  return code;
}

/** Lanes of 32 bits of two vectors. */
const pick = (...lanes: readonly number[]): Code =>
  v128.shuffle(lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]));

/** Turns rows of four locals into columns. */
function transpose([a, b, c, d]: readonly number[], spare: readonly number[]): Code {
  const [ab, cd, abHigh, cdHigh] = spare as [number, number, number, number];
  const mix = (from: number, other: number, lanes: Code, to: number): Code =>
    [get(from), get(other), lanes, set(to)].flat();
  const [first, second, third, fourth] = [a, b, c, d] as [number, number, number, number];
  return [
    mix(first, second, pick(0, 4, 1, 5), ab),
    mix(third, fourth, pick(0, 4, 1, 5), cd),
    mix(first, second, pick(2, 6, 3, 7), abHigh),
    mix(third, fourth, pick(2, 6, 3, 7), cdHigh),
    mix(ab, cd, pick(0, 1, 4, 5), first),
    mix(ab, cd, pick(2, 3, 6, 7), second),
    mix(abHigh, cdHigh, pick(0, 1, 4, 5), third),
    mix(abHigh, cdHigh, pick(2, 3, 6, 7), fourth),
  ].flat();
}

const inverseDct: FunctionBody = (() => {
  const [target, stride] = [0, 1];
  // Columns 0 to 3 and 4 to 7 of the block; then rows 0 to 3 and 4 to 7.
  const low = eight.map((row) => 2 + row);
  const high = eight.map((row) => 10 + row);
  const spare = Array.from({ length: 19 }, (_, index) => 18 + index);
  const wide = 37;
  const quarter = (locals: readonly number[], half: number) => locals.slice(4 * half, 4 * half + 4);
  const upper = [...quarter(low, 0), ...quarter(high, 0)];
  const lower = [...quarter(low, 1), ...quarter(high, 1)];
  /** Rows of four columns each become bytes, two rows at a time. */
  const store = (rows: readonly number[]): Code =>
    [0, 2].flatMap((row) => {
      const [first, second] = spare as [number, number];
      const narrowed = [0, 1].flatMap((next): Code => {
        const to = next === 0 ? first : second;
        return [
          ...[get(rows[row + next] as number), get(rows[row + next + 4] as number), v128.narrow32, set(to)].flat(),
          ...[
            get(to),
            v128.const16(128),
            v128.add16,
            v128.const16(-512),
            v128.and,
            get(wide),
            v128.or,
            set(wide),
          ].flat(),
        ];
      });
      return [
        ...narrowed,
        ...[get(first), get(second), v128.narrow16, set(first)].flat(),
        ...[get(target), get(first), v128.storeHalf(0), get(target), get(stride), i32.add, set(target)].flat(),
        ...[get(target), get(first), v128.storeHalf(1), get(target), get(stride), i32.add, set(target)].flat(),
      ];
    });
  return {
    parameters: 2,
    locals: 0,
    vectors: 36,
    code: [
      eight.flatMap((row) => [
        ...[i32.const(BLOCK), v128.load(32 * row), set(low[row] as number)].flat(),
        ...[i32.const(BLOCK), v128.load(32 * row + 16), set(high[row] as number)].flat(),
      ]),
      Array.from({ length: 16 }, (_, part) => [i32.const(BLOCK), v128.const(0), v128.store(16 * part)].flat()).flat(),
      transform(low, spare, 1024, 11),
      transform(high, spare, 1024, 11),
      [quarter(low, 0), quarter(low, 1), quarter(high, 0), quarter(high, 1)].flatMap((part) => transpose(part, spare)),
      // 128 is added before the shift, and half of what is shifted out.
      transform(upper, spare, (128 << 18) + (1 << 17), 18),
      transform(lower, spare, (128 << 18) + (1 << 17), 18),
      [quarter(low, 0), quarter(low, 1), quarter(high, 0), quarter(high, 1)].flatMap((part) => transpose(part, spare)),
      [...v128.const(0), ...set(wide)],
      store(upper),
      store(lower),
      [i32.const(OVERDRIVEN), i32.const(OVERDRIVEN), i32.load(0), get(wide), v128.anyTrue, i32.or, i32.store(0)].flat(),
    ],
  };
})();

/** The kernel with a memory of its own. */
export function dctKernel(): DctKernel {
  return instantiate(moduleOf({ inverseDct })) as DctKernel;
}
