import type { FunctionBody } from './module.ts';

/*
 * As much of an assembler as the kernels need (WebAssembly core specification 2.0, chapter 5), in folded form: an instruction
 * takes the code of its operands.
 */

/** Bytes, nested as they were put together; a function stands for its number. */
export type Code = number | FunctionBody | readonly Code[];

/** A local; its code gets its value. */
export type Local = readonly [get: 0x20, place: Code];

/** Unsigned LEB128. */
export function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128. */
function signed(value: number): readonly number[] {
  const low = value & 127;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
  return isLast ? [low] : [low | 128, ...signed(rest)];
}

type Instruction = (...operands: readonly Code[]) => Code;

const instruction =
  (...opcode: readonly Code[]): Instruction =>
  (...operands) => [operands, opcode];
const vector = (opcode: number, ...immediates: readonly number[]) => instruction(0xfd, unsigned(opcode), immediates);
/** Bytes need no alignment. */
const load =
  (...opcode: readonly Code[]) =>
  (place: Code, offset = 0): Code => [place, opcode, 0, unsigned(offset)];
const store =
  (...opcode: readonly Code[]) =>
  (place: Code, value: Code, offset = 0): Code => [place, value, opcode, 0, unsigned(offset)];
const loadVector = (opcode: number) => load(0xfd, unsigned(opcode));

/** Numbers of a vector, little-endian. */
function lanesOf(values: readonly number[], bytes: number): readonly number[] {
  return values.flatMap((value) => Array.from({ length: bytes }, (_, index) => (value >> (8 * index)) & 255));
}

const times = <Value>(count: number, value: Value): readonly Value[] => Array.from({ length: count }, () => value);

export const set = ([, place]: Local, value: Code): Code => [value, 0x21, place];
/** Adds to a local of 32 bits. */
export const advance = (local: Local, by: Code): Code => set(local, i32.add(local, by));

export const call = (called: FunctionBody, ...operands: readonly Code[]): Code => [operands, 0x10, called];

/** Code whose end {@link branch} goes to. */
export const block = (...code: readonly Code[]): Code => [0x02, 0x40, code, 0x0b];
/** Code whose beginning {@link branch} goes to. */
export const loop = (...code: readonly Code[]): Code => [0x03, 0x40, code, 0x0b];
/** To the innermost block or loop around, or one so many further out. */
export const branch = (outwards = 0): Code => [0x0c, outwards];
export const branchIf = (condition: Code, outwards = 0): Code => [condition, 0x0d, outwards];
/** A block that is passed over unless a condition holds. */
export const when = (condition: Code, ...code: readonly Code[]): Code => [condition, 0x04, 0x40, code, 0x0b];
/** Code that is run once, and again as long as a condition holds. */
export const repeatWhile = (condition: Code, ...code: readonly Code[]): Code => loop(code, branchIf(condition));

export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  load: load(0x28),
  loadByte: load(0x2d),
  /** 16 bits with a sign. */
  load16: load(0x2e),
  store: store(0x36),
  store16: store(0x3b),
  storeByte: store(0x3a),
  add: instruction(0x6a),
  subtract: instruction(0x6b),
  multiply: instruction(0x6c),
  and: instruction(0x71),
  or: instruction(0x72),
  shiftLeft: instruction(0x74),
  shiftRight: instruction(0x75),
  shiftRightUnsigned: instruction(0x76),
  trailingZeros: instruction(0x68),
  isZero: instruction(0x45),
  equal: instruction(0x46),
  less: instruction(0x48),
  lessUnsigned: instruction(0x49),
  greaterUnsigned: instruction(0x4b),
  lowHalf: instruction(0xa7),
} as const;

export const i64 = {
  load: load(0x29),
  store: store(0x37),
  const: (value: number): Code => [0x42, signed(value)],
  or: instruction(0x84),
  shiftLeft: instruction(0x86),
  shiftRightUnsigned: instruction(0x88),
  extend: instruction(0xad),
} as const;

export const v128 = {
  load: loadVector(0x00),
  /** Eight bytes without a sign, to 16 bits each. */
  load8x8: loadVector(0x02),
  /** The low four bytes; the others are zero. */
  load32: loadVector(0x5c),
  /** The low eight bytes; the others are zero. */
  load64: loadVector(0x5d),
  /** A 32-bit number in all four lanes. */
  loadSplat32: loadVector(0x09),
  store: store(0xfd, unsigned(0x0b)),
  /** Stores the low eight bytes, 0, or the high ones, 1. */
  storeHalf: (half: 0 | 1, place: Code, value: Code): Code => [place, value, 0xfd, unsigned(0x5b), 0, 0, half],
  and: vector(0x4e),
  or: vector(0x50),
  /** 1 where any bit is set, as a number. */
  anyTrue: vector(0x53),
  /** Bytes of two vectors, 0 to 15 of the first and 16 to 31 of the second. */
  shuffle: (places: readonly number[], first: Code, second: Code): Code => vector(0x0d, ...places)(first, second),
  /** Bytes of a vector; zero for places that it has not. */
  pick: (places: readonly number[], from: Code): Code => vector(0x0e)(from, vector(0x0c, ...places)()),
} as const;

export const i8x16 = {
  splat: vector(0x0f),
  equal: vector(0x23),
  /** The highest bit of each lane. */
  bitmask: vector(0x64),
  /** Of 16-bit lanes, saturating without a sign. */
  narrow: vector(0x66),
} as const;

export const i16x8 = {
  const: (value: number): Code => vector(0x0c, ...lanesOf(times(8, value), 2))(),
  /** Two numbers in turn. */
  constPairs: (first: number, second: number): Code => vector(0x0c, ...lanesOf(times(4, [first, second]).flat(), 2))(),
  splat: vector(0x10),
  /** Of 32-bit lanes, saturating. */
  narrow: vector(0x85),
  extendLowUnsigned: vector(0x89),
  extendHighUnsigned: vector(0x8a),
  shiftLeft: vector(0x8b),
  shiftRightUnsigned: vector(0x8d),
  add: vector(0x8e),
  subtract: vector(0x91),
  multiply: vector(0x95),
} as const;

export const i32x4 = {
  const: (value: number): Code => vector(0x0c, ...lanesOf(times(4, value), 4))(),
  splat: vector(0x11),
  firstLane: vector(0x1b, 0),
  secondLane: vector(0x1b, 1),
  extendLow: vector(0xa7),
  extendHigh: vector(0xa8),
  extendLowUnsigned: vector(0xa9),
  extendHighUnsigned: vector(0xaa),
  shiftLeft: vector(0xab),
  shiftRight: vector(0xac),
  add: vector(0xae),
  subtract: vector(0xb1),
  multiply: vector(0xb5),
  least: vector(0xb6),
  most: vector(0xb8),
  /** Products of 16-bit lanes. */
  multiplyLow: vector(0xbc),
  multiplyHigh: vector(0xbd),
  /** Products of 16-bit lanes, neighbours added. */
  dot: vector(0xba),
} as const;

export const i64x2 = {
  firstLane: vector(0x1d, 0),
  /** 1 where no lane is zero, as a number. */
  allTrue: vector(0xc3),
  /** The highest bit of each lane. */
  bitmask: vector(0xc4),
} as const;

export const f32x4 = {
  add: vector(0xe4),
  multiply: vector(0xe6),
  /** Of 32-bit whole numbers, and to them, saturating. */
  convert: vector(0xfa),
  truncate: vector(0xf8),
} as const;

export const f64x2 = {
  const: (value: number): Code => {
    const bytes = new Uint8Array(Float64Array.of(value, value).buffer);
    return vector(0x0c, ...bytes)();
  },
  isEqual: vector(0x47),
  less: vector(0x49),
  greaterOrEqual: vector(0x4c),
  floor: vector(0x75),
  add: vector(0xf0),
  subtract: vector(0xf1),
  multiply: vector(0xf2),
  /** To the first two 32-bit lanes, saturating; the others are zero. */
  truncate: vector(0xfc),
  /** Of the first two 32-bit lanes. */
  convertLow: vector(0xfe),
} as const;
