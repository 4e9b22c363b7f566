/** Bits of a code that one look into the table covers. */
export const LOOK_BITS = 11;

/**
 * A Huffman table as the kernels read it, numbers of 32 bits:
 *
 * - [2^LOOK_BITS]: the entry of what begins with these bits; 0 where its code is longer.
 * - [18], from LIMITS on: the codes of each length that are below this, left-aligned to 16 bits; the last one is a sentinel.
 * - [17], from OFFSETS on: what is added to a code of each length for the place of its symbol.
 * - [256], from HEADS on: the entries of symbols without their values, which lack the code's length.
 *
 * An entry has, from bit 0, how many bits it takes; from bit 6 WITH_VALUE, whether the value is among them; from bit 7 zeros
 * before it, END_OF_BLOCK in place of a number; from bit 16 the value, or without it how many bits it has.
 */
export type HuffmanTable = Int32Array;

export const LIMITS = 1 << LOOK_BITS;
export const OFFSETS = LIMITS + 18;
export const HEADS = OFFSETS + 17;
export const TABLE_LENGTH = HEADS + 256 + 1;

export const LENGTH_MASK = 63;
export const WITH_VALUE = 64;
export const ZEROS_SHIFT = 7;
export const ZEROS_MASK = 127;
export const VALUE_SHIFT = 16;
/** More than the zeros of any symbol take a place of a block to. */
export const END_OF_BLOCK = 80;

/**
 * The table of a DHT segment (ITU-T T.81, annex C and F.2.2), or undefined where it is none.
 *
 * @param counts numbers of codes of 1 to 16 bits
 */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable | undefined {
  const table = new Int32Array(TABLE_LENGTH);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] as number;
    table[OFFSETS + length] = place - code;
    for (let end = place + count; place < end; place++, code++) {
      if (length <= LOOK_BITS) fillLook(table, code, length, symbols[place] as number);
      table[HEADS + place] = headOf(symbols[place] as number);
    }
    if (code > 1 << length) return undefined;
    table[LIMITS + length] = code << (16 - length);
    code <<= 1;
  }
  table[LIMITS + 17] = 1 << 16;
  return table;
}

function fillLook(table: HuffmanTable, code: number, length: number, symbol: number): void {
  const head = headOf(symbol);
  const size = head >> VALUE_SHIFT;
  const rest = LOOK_BITS - length;
  const start = code << rest;
  if (size > rest) {
    table.fill(head | length, start, start + (1 << rest));
    return;
  }
  const entry = (head & ((1 << VALUE_SHIFT) - 1)) | WITH_VALUE | (length + size);
  for (let bits = 0, place = start; bits < 1 << size; bits++) {
    const end = place + (1 << (rest - size));
    while (place < end) table[place++] = entry | (valueOf(bits, size) << VALUE_SHIFT);
  }
}

/** Sixteen zeros are fifteen and a value of 0. */
function headOf(symbol: number): number {
  const zeros = symbol >> 4;
  const size = symbol & 15;
  return ((size === 0 && zeros < 15 ? END_OF_BLOCK : zeros) << ZEROS_SHIFT) | (size << VALUE_SHIFT);
}

/** The value that `size` bits stand for (T.81, F.2.2.1). */
function valueOf(bits: number, size: number): number {
  return size === 0 || bits >= 1 << (size - 1) ? bits : bits - (1 << size) + 1;
}
