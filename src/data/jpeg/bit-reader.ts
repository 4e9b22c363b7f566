import { extend, type HuffmanTable, LOOK_BITS, WITH_VALUE } from './huffman.ts';

/** Where reading entropy-coded bytes stands. */
export interface BitReader {
  readonly bytes: Uint8Array;
  place: number;
  /** The last `count` of these bits are still to be read. */
  bits: number;
  count: number;
  /** Zeros that were given in place of bits after the end of the data. */
  invented: number;
}

export function bitReader(bytes: Uint8Array, place: number): BitReader {
  return { bytes, place, bits: 0, count: 0, invented: 0 };
}

/** Whether all bits that were read were there. */
export function isSound({ invented, count }: BitReader): boolean {
  return invented <= count;
}

/** Goes to the marker that must follow, and behind it. Returns its second byte, or undefined where there is none. */
export function readMarker(reader: BitReader): number | undefined {
  const { bytes } = reader;
  let { place } = reader;
  if (bytes[place] !== 0xff) return undefined;
  while (bytes[place] === 0xff) place += 1;
  reader.place = place + 1;
  reader.bits = 0;
  reader.count = 0;
  reader.invented = 0;
  return bytes[place];
}

/** Eight times what a picture's coefficients may come to: beyond it, 16-bit registers overflow. */
export const MOST_COEFFICIENT = 8191;

/** From zigzag to natural order; codes that run over the end of a block stay at its last place. */
const NATURAL = Uint8Array.of(
  ...[
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28,
  ],
  ...[
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
    55, 62, 63,
  ],
);

/** The change of the first coefficient of a block; NaN for a code that there is not. */
export function readDifference(reader: BitReader, { look, limits, offsets, symbols }: HuffmanTable): number {
  if (reader.count < 16) fill(reader);
  let size: number;
  const entry = look[(reader.bits >>> (reader.count - LOOK_BITS)) & ((1 << LOOK_BITS) - 1)] as number;
  if (entry & WITH_VALUE) {
    reader.count -= entry & 31;
    return entry >> 16;
  }
  if (entry !== 0) {
    reader.count -= entry & 31;
    size = (entry >> 10) & 15;
  } else {
    const symbol = readLongSymbol(reader, limits, offsets, symbols);
    if (symbol < 0 || symbol > 15) return Number.NaN;
    size = symbol;
  }
  if (reader.count < size) fill(reader);
  reader.count -= size;
  return extend((reader.bits >>> reader.count) & ((1 << size) - 1), size);
}

/**
 * Reads the other coefficients of a block, multiplies them by `quantisation` and puts them into `block` in natural order, or
 * passes over them where there is none. Returns how many coefficients were read or 0; -1 for what cannot be.
 */
export function readCoefficients(
  reader: BitReader,
  { look, limits, offsets, symbols }: HuffmanTable,
  quantisation: Uint16Array,
  block: Int32Array | null,
): number {
  const { bytes } = reader;
  let { bits, count, place } = reader;
  let last = 0;
  for (let index = 1; index < 64; ) {
    if (count < 16) {
      const byte = bytes[place] as number;
      const next = bytes[place + 1] as number;
      if (byte !== 0xff && next !== 0xff) {
        bits = (bits << 16) | (byte << 8) | next;
        place += 2;
        count += 16;
      } else {
        reader.bits = bits;
        reader.count = count;
        reader.place = place;
        fill(reader);
        ({ bits, count, place } = reader);
      }
    }
    const entry = look[(bits >>> (count - LOOK_BITS)) & ((1 << LOOK_BITS) - 1)] as number;
    let zeros: number;
    let size: number;
    let value: number;
    if (entry & WITH_VALUE) {
      count -= entry & 31;
      zeros = (entry >> 6) & 15;
      size = (entry >> 10) & 15;
      value = entry >> 16;
    } else {
      if (entry !== 0) {
        count -= entry & 31;
        zeros = (entry >> 6) & 15;
        size = (entry >> 10) & 15;
      } else {
        reader.count = count;
        reader.bits = bits;
        const symbol = readLongSymbol(reader, limits, offsets, symbols);
        if (symbol < 0) return -1;
        count = reader.count;
        zeros = symbol >> 4;
        size = symbol & 15;
      }
      if (count < size) {
        reader.bits = bits;
        reader.count = count;
        reader.place = place;
        fill(reader);
        ({ bits, count, place } = reader);
      }
      count -= size;
      value = (bits >>> count) & ((1 << size) - 1);
      if (value < 1 << (size - 1)) value += 1 - (1 << size);
    }
    if (size === 0) {
      if (zeros < 15) break;
      index += 16;
      continue;
    }
    index += zeros;
    if (index > 63) return -1;
    if (block) {
      const coefficient = Math.imul(value, quantisation[index] as number);
      if (coefficient > MOST_COEFFICIENT || coefficient < -MOST_COEFFICIENT) return -1;
      block[NATURAL[index] as number] = coefficient;
    }
    last = index;
    index += 1;
  }
  reader.bits = bits;
  reader.count = count;
  reader.place = place;
  return last;
}

/** A symbol whose code is longer than a look covers; 16 bits must be there. Returns -1 where there is no such code. */
function readLongSymbol(reader: BitReader, limits: Int32Array, offsets: Int32Array, symbols: Uint8Array): number {
  const next = (reader.bits >>> (reader.count - 16)) & 0xffff;
  let length = LOOK_BITS + 1;
  while (next >= (limits[length] as number)) length += 1;
  if (length > 16) return -1;
  reader.count -= length;
  return symbols[(next >> (16 - length)) + (offsets[length] as number)] ?? -1;
}

function fill(reader: BitReader): void {
  const { bytes } = reader;
  while (reader.count <= 24) {
    const byte = bytes[reader.place] as number;
    if (byte === 0xff && bytes[reader.place + 1] !== 0) {
      reader.invented += 8;
      reader.bits <<= 8;
    } else {
      reader.bits = (reader.bits << 8) | byte;
      reader.place += byte === 0xff ? 2 : 1;
    }
    reader.count += 8;
  }
}
