/** Bits of a code that one look into the table covers. */
export const LOOK_BITS = 10;

/** A Huffman table, made for decoding coefficients. */
export interface HuffmanTable {
  /**
   * [2^LOOK_BITS]: what a coefficient is that begins with these bits. Bits 0-4: how many bits it takes, 0 where its code is
   * longer; bit 5: whether the value is among them; bits 6-9: zeros before it; bits 10-13: bits of its value; from 16 on: the
   * value.
   */
  readonly look: Int32Array;
  /** [18]: the codes of each length that are below this, left-aligned to 16 bits; the longest length has a sentinel. */
  readonly limits: Int32Array;
  /** [17]: what is added to a code of each length for its place in `symbols`. */
  readonly offsets: Int32Array;
  readonly symbols: Uint8Array;
}

/** Whether the value's bits are part of an entry. */
export const WITH_VALUE = 32;

/**
 * The table of a DHT segment (ITU-T T.81, annex C and F.2.2), or undefined where it is none.
 *
 * @param counts numbers of codes of 1 to 16 bits
 */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable | undefined {
  const look = new Int32Array(1 << LOOK_BITS);
  const limits = new Int32Array(18);
  const offsets = new Int32Array(17);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] as number;
    offsets[length] = place - code;
    for (let end = place + count; place < end; place++, code++) {
      if (length <= LOOK_BITS) fillLook(look, code, length, symbols[place] as number);
    }
    if (code > 1 << length) return undefined;
    limits[length] = code << (16 - length);
    code <<= 1;
  }
  limits[17] = 1 << 16;
  return { look, limits, offsets, symbols };
}

function fillLook(look: Int32Array, code: number, length: number, symbol: number): void {
  const zeros = symbol >> 4;
  const size = symbol & 15;
  const rest = LOOK_BITS - length;
  for (let tail = 0; tail < 1 << rest; tail++) {
    const head = (zeros << 6) | (size << 10);
    const entry =
      size <= rest ? head | WITH_VALUE | (length + size) | (extend(tail >> (rest - size), size) << 16) : head | length;
    look[(code << rest) | tail] = entry;
  }
}

/** The value that `size` bits stand for (T.81, F.2.2.1). */
export function extend(bits: number, size: number): number {
  return size === 0 || bits >= 1 << (size - 1) ? bits : bits - (1 << size) + 1;
}
