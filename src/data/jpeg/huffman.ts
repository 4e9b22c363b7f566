import {
  advance,
  block,
  branch,
  branchIf,
  type Code,
  i32,
  type Local,
  loop,
  repeatWhile,
  set,
  when,
} from '../wasm/instructions.ts';
import { functionOf } from '../wasm/module.ts';

/** Bits of a code that one look into a table covers. */
export const LOOK_BITS = 11;

/*
 * A table as the kernels read it, numbers of 32 bits:
 *
 * - [2^LOOK_BITS]: the entry of what begins with these bits; 0 where its code is longer.
 * - [18], from LIMITS on: the codes of each length that are below this, left-aligned to 16 bits; the last one is a sentinel.
 * - [17], from OFFSETS on: what is added to a code of each length for the place of its symbol.
 * - [256], from HEADS on: the entries of symbols without their values, which lack the code's length.
 *
 * An entry has, from bit 0, how many bits it takes; from bit 6 WITH_VALUE, whether the value is among them; from bit 7 zeros
 * before it, END_OF_BLOCK in place of a number; from bit 16 the value, or without it how many bits it has.
 */
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

/** Numbers of codes of 1 to 16 bits, and the symbols in the order of their codes, as a DHT segment has them. */
export type HuffmanCode = Uint8Array;

/** Whether there are as many codes (ITU-T T.81, annex C). */
export function isCode(code: HuffmanCode): boolean {
  let taken = 0;
  for (let length = 1; length <= 16; length++) taken += (code[length - 1] as number) << (16 - length);
  return taken <= 1 << 16 && code.length <= 16 + 256;
}

/** Makes the table of a code (T.81, annex C and F.2.2) where memory is zero; both are places in the kernels' memory. */
export const makeTable = functionOf(['code', 'table'], ({ code, table }, local) => {
  const [length, next, place, last, symbol] = [0, 1, 2, 3, 4].map(() => local('i32')) as Five;
  const [size, rest, bits, to, end] = [0, 1, 2, 3, 4].map(() => local('i32')) as Five;
  const head = local('i32');
  const one = i32.const(1);
  const power = (exponent: Code) => i32.shiftLeft(one, exponent);
  const at = (base: Code, index: Code) => i32.add(base, i32.shiftLeft(index, i32.const(2)));
  const fill = (count: Code, entry: Code): Code => [
    set(end, at(to, count)),
    repeatWhile(i32.lessUnsigned(to, end), i32.store(to, entry), advance(to, i32.const(4))),
  ];
  const zeros = i32.shiftRightUnsigned(symbol, i32.const(4));
  const makeHead = [
    set(symbol, i32.loadByte(i32.add(code, place), 16)),
    set(size, i32.and(symbol, i32.const(15))),
    set(head, zeros),
    // Sixteen zeros are fifteen and a value of 0.
    when(i32.and(i32.isZero(size), i32.less(zeros, i32.const(15))), set(head, i32.const(END_OF_BLOCK))),
    set(head, i32.shiftLeft(head, i32.const(ZEROS_SHIFT))),
    i32.store(at(table, place), i32.or(head, i32.shiftLeft(size, i32.const(VALUE_SHIFT))), 4 * HEADS),
  ];
  /** The value that bits stand for (F.2.2.1), none for 0 bits. */
  const value = i32.add(
    bits,
    i32.multiply(i32.less(bits, power(i32.subtract(size, one))), i32.subtract(one, power(size))),
  );
  const fillLook = block(
    branchIf(i32.less(i32.const(LOOK_BITS), length)),
    set(rest, i32.subtract(i32.const(LOOK_BITS), length)),
    set(to, at(table, i32.shiftLeft(next, rest))),
    set(head, i32.or(head, length)),
    when(i32.less(rest, size), fill(power(rest), i32.or(head, i32.shiftLeft(size, i32.const(VALUE_SHIFT)))), branch(1)),
    set(rest, i32.subtract(rest, size)),
    set(head, i32.add(i32.or(head, i32.const(WITH_VALUE)), size)),
    set(bits, i32.const(0)),
    repeatWhile(
      i32.less(bits, power(size)),
      set(symbol, i32.or(head, i32.shiftLeft(value, i32.const(VALUE_SHIFT)))),
      fill(power(rest), symbol),
      advance(bits, one),
    ),
  );
  return [
    set(length, one),
    repeatWhile(
      i32.less(length, i32.const(17)),
      i32.store(at(table, length), i32.subtract(place, next), 4 * OFFSETS),
      set(last, i32.add(place, i32.loadByte(i32.add(code, i32.subtract(length, one))))),
      block(
        loop(
          branchIf(i32.isZero(i32.less(place, last)), 1),
          makeHead,
          fillLook,
          ...[advance(place, one), advance(next, one)],
          branch(),
        ),
      ),
      i32.store(at(table, length), i32.shiftLeft(next, i32.subtract(i32.const(16), length)), 4 * LIMITS),
      set(next, i32.shiftLeft(next, one)),
      advance(length, one),
    ),
    i32.store(table, i32.const(1 << 16), 4 * (LIMITS + 17)),
  ];
});

type Five = [Local, Local, Local, Local, Local];
