/*
 * As much of an assembler as the vector kernels need (WebAssembly core specification 2.0, chapter 5): a function's code is
 * a list of instructions, each of them bytes.
 */

export type Code = readonly number[];

/** Unsigned LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128. */
function signed(value: number): Code {
  const low = value & 127;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
  return isLast ? [low] : [low | 128, ...signed(rest)];
}

const vector = (opcode: number, ...immediates: readonly number[]): Code => [0xfd, ...unsigned(opcode), ...immediates];
/** Bytes need no alignment. */
const access = (opcode: number) => (offset: number) => vector(opcode, 0, ...unsigned(offset));

/** Little-endian. */
function bytesOf(value: number, count: number): Code {
  return Array.from({ length: count }, (_, index) => (value >> (8 * index)) & 255);
}

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: [0x6a],
  or: [0x72],
  ltUnsigned: [0x49],
  store: (offset: number): Code => [0x36, 0, ...unsigned(offset)],
  load: (offset: number): Code => [0x28, 0, ...unsigned(offset)],
} as const;

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
/** Adds a constant to a local. */
export const advance = (local: number, by: number): Code => [
  ...get(local),
  ...i32.const(by),
  ...i32.add,
  ...set(local),
];

/** Repeats code, which runs at least once, as long as one local is below another. */
export const repeatWhile = (local: number, end: number, ...code: readonly Code[]): Code => [
  ...[0x03, 0x40],
  ...code.flat(),
  ...get(local),
  ...get(end),
  ...i32.ltUnsigned,
  ...[0x0d, 0, 0x0b],
];

export const v128 = {
  load: access(0x00),
  /** The low four bytes; the others are zero. */
  load32: access(0x5c),
  /** A 32-bit number in all four lanes. */
  splat32: access(0x09),
  store: access(0x0b),
  /** A constant in all four lanes of 32 bits. */
  const: (value: number): Code => vector(0x0c, ...[0, 1, 2, 3].flatMap(() => bytesOf(value, 4))),
  extendLow8: vector(0x89),
  extendHigh8: vector(0x8a),
  extendLow16: vector(0xa9),
  extendHigh16: vector(0xaa),
  add32: vector(0xae),
  subtract32: vector(0xb1),
  shiftLeft32: vector(0xab),
  and: vector(0x4e),
  or: vector(0x50),
  /** 1 where any bit is set, as a number. */
  anyTrue: vector(0x53),
  /** Stores the low eight bytes, 0, or the high ones, 1. */
  storeHalf: (half: number): Code => vector(0x5b, 0, 0, half),
  multiply32: vector(0xb5),
  shiftRight32: vector(0xac),
  /** To 16 bits with a sign, saturating. */
  narrow32: vector(0x85),
  /** To bytes without a sign, saturating. */
  narrow16: vector(0x66),
  firstLane: vector(0x1b, 0),
  /** Bytes of two vectors, 0 to 15 of the first and 16 to 31 of the second. */
  shuffle: (places: readonly number[]): Code => vector(0x0d, ...places),
  /** Eight bytes without a sign, to 16 bits each. */
  load8x8: access(0x02),
  /** A constant in all eight lanes of 16 bits. */
  const16: (value: number): Code => vector(0x0c, ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(() => bytesOf(value, 2))),
  splat16: vector(0x10),
  add16: vector(0x8e),
  subtract16: vector(0x91),
  multiply16: vector(0x95),
  /** Without a sign. */
  shiftRight16: vector(0x8d),
  extendLowSigned16: vector(0xa7),
  extendHighSigned16: vector(0xa8),
} as const;

export interface FunctionBody {
  /** Parameters, all of 32 bits; locals of 32 and 128 bits follow them. */
  readonly parameters: number;
  readonly locals: number;
  readonly vectors: number;
  readonly code: readonly Code[];
}

/** A module of functions by their names, and its memory as `memory`. */
export function moduleOf(functions: Readonly<Record<string, FunctionBody>>): Uint8Array<ArrayBuffer> {
  const bodies = Object.values(functions);
  const names = [...Object.keys(functions)];
  const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
  const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
  const section = (id: number, bytes: Code): Code => [id, ...sized(bytes)];
  const text = (name: string): Code => sized([...Buffer.from(name)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(bodies.map(({ parameters }) => [0x60, ...list(Array(parameters).fill([0x7f])), 0]))),
    ...section(3, list(bodies.map((_, index) => unsigned(index)))),
    ...section(5, list([[0, 1]])),
    ...section(
      7,
      list([[...text('memory'), 2, 0], ...names.map((name, index) => [...text(name), 0, ...unsigned(index)])]),
    ),
    ...section(
      10,
      list(
        bodies.map(({ locals, vectors, code }) =>
          sized([
            ...list([
              [...unsigned(locals), 0x7f],
              [...unsigned(vectors), 0x7b],
            ]),
            ...code.flat(),
            0x0b,
          ]),
        ),
      ),
    ),
  ]);
}

/** A WebAssembly.Memory; TypeScript keeps the types of WebAssembly with those of browsers. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By pages of 64 KiB; the buffer is another one after. */
  grow(pages: number): number;
}

const PAGE = 65_536;

/** The bytes of a memory, of which there are at least as many. */
export function roomIn(memory: WasmMemory, bytes: number): Uint8Array<ArrayBuffer> {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return new Uint8Array(memory.buffer);
}

/** The next place that a vector may begin at. */
export function aligned(place: number): number {
  return (place + 15) & ~15;
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What a module of {@link moduleOf} exports. */
export function instantiate(bytes: Uint8Array<ArrayBuffer>): unknown {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
}
