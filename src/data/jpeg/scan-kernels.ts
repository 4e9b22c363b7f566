import {
  advance,
  block,
  branch,
  branchIf,
  type Code,
  call,
  i8x16,
  i32,
  i64,
  i64x2,
  type Local,
  loop,
  repeatWhile,
  set,
  v128,
  when,
} from '../wasm/instructions.ts';
import { type FunctionBody, functionOf } from '../wasm/module.ts';
import {
  END_OF_BLOCK,
  HEADS,
  LENGTH_MASK,
  LIMITS,
  LOOK_BITS,
  makeTable,
  OFFSETS,
  VALUE_SHIFT,
  WITH_VALUE,
  ZEROS_MASK,
  ZEROS_SHIFT,
} from './huffman.ts';
import { inverseDcts, type Side } from './inverse-dct.ts';
import { BITS, BLOCK, COUNT, DAMAGED, END, MARKER, PLACE, PLAN, PLANNED, PLANNED_BYTES } from './layout.ts';

/** Eight times what a picture's coefficients may come to: beyond it, 16-bit lanes overflow. */
const MOST_COEFFICIENT = 8191;

const at = (address: number) => i32.const(address);
const setDamaged = i32.store(at(0), i32.const(1), DAMAGED);

/**
 * Prepares the entropy-coded bytes from `source` on for reading: copies them to `target` without the zeros that follow bytes of
 * ones, up to the next marker, which there must be.
 */
export const openSegment = functionOf(['source', 'target'], ({ source, target }, local) => {
  const [bytes, ones] = [local('v128'), local('i32')];
  return [
    i32.store(at(0), target, PLACE),
    i32.store(at(0), i32.const(0), COUNT),
    i64.store(at(0), i64.const(0), BITS),
    loop(
      set(bytes, v128.load(source)),
      v128.store(target, bytes),
      set(ones, i8x16.bitmask(i8x16.equal(bytes, i8x16.splat(i32.const(255))))),
      when(i32.isZero(ones), ...[advance(source, i32.const(16)), advance(target, i32.const(16))], branch(1)),
      set(ones, i32.trailingZeros(ones)),
      advance(source, ones),
      advance(target, ones),
      when(
        i32.isZero(i32.loadByte(source, 1)),
        ...[advance(source, i32.const(2)), advance(target, i32.const(1))],
        branch(1),
      ),
    ),
    i32.store(at(0), target, END),
    i32.store(at(0), source, MARKER),
  ];
});

/**
 * The entry, with its value, of what begins with the bits `next`, where a look into the table was not enough. Where there is
 * no such code, it is told of.
 */
const longEntry = functionOf(
  ['table', 'next'],
  ({ table, next }, local) => {
    const [entry, length, size, value] = [local('i32'), local('i32'), local('i32'), local('i32')];
    const ofLength = (from: number) => i32.load(i32.add(table, i32.shiftLeft(length, i32.const(2))), 4 * from);
    const code = i32.shiftRightUnsigned(next, i32.const(16));
    return [
      set(entry, i32.load(i32.add(table, i32.shiftLeft(lookOf(next), i32.const(2))))),
      when(
        i32.isZero(entry),
        set(length, i32.const(LOOK_BITS)),
        loop(advance(length, i32.const(1)), branchIf(i32.isZero(i32.less(code, ofLength(LIMITS))))),
        when(i32.greaterUnsigned(length, i32.const(16)), setDamaged, ...[set(length, i32.const(16))]),
        set(value, i32.add(i32.shiftRightUnsigned(code, i32.subtract(i32.const(16), length)), ofLength(OFFSETS))),
        set(value, i32.and(value, i32.const(255))),
        set(entry, i32.or(i32.load(i32.add(table, i32.shiftLeft(value, i32.const(2))), 4 * HEADS), length)),
      ),
      set(length, i32.and(entry, i32.const(LENGTH_MASK))),
      set(size, i32.shiftRight(entry, i32.const(VALUE_SHIFT))),
      // Of no bits, none.
      set(
        value,
        i32.shiftRightUnsigned(
          i32.shiftRightUnsigned(i32.shiftLeft(next, length), i32.const(1)),
          i32.subtract(i32.const(31), size),
        ),
      ),
      when(
        i32.less(value, i32.shiftLeft(i32.const(1), i32.subtract(size, i32.const(1)))),
        advance(value, i32.subtract(i32.const(1), i32.shiftLeft(i32.const(1), size))),
      ),
      i32.or(
        i32.or(i32.shiftLeft(value, i32.const(VALUE_SHIFT)), i32.add(length, size)),
        i32.and(entry, i32.const(ZEROS_MASK << ZEROS_SHIFT)),
      ),
    ];
  },
  { hasResult: true },
);

/** The first bits of 32, as a place of a table. */
function lookOf(next: Code): Code {
  return i32.shiftRightUnsigned(next, i32.const(32 - LOOK_BITS));
}

/**
 * Reads the blocks of so many units, in the order of the plan, which ends at `planEnd`. Where `isWanted`, each block is turned
 * into samples at its place of the plan, which then moves on by a step.
 */
function readerOf(isWanted: boolean): FunctionBody {
  return functionOf(['units', 'planEnd'], ({ units, planEnd }, local) => {
    const [place, count, end, plan, entry, table] = [0, 1, 2, 3, 4, 5].map(() => local('i32')) as Six;
    const [index, scales, scale, value, damaged] = [0, 1, 2, 3, 4].map(() => local('i32')) as Five;
    const bits = local('i64');

    /** There are 32 bits afterwards, more than a code and its value have. */
    const refill = when(
      i32.less(count, i32.const(32)),
      set(bits, i64.or(bits, i64.shiftRightUnsigned(bigEndian(place), i64.extend(count)))),
      advance(place, i32.shiftRightUnsigned(i32.subtract(i32.const(63), count), i32.const(3))),
      set(count, i32.or(count, i32.const(56))),
    );
    const next = i32.lowHalf(i64.shiftRightUnsigned(bits, i64.const(32)));
    const readEntry = [
      refill,
      set(
        entry,
        i32.load(
          i32.add(
            table,
            i32.and(
              i32.lowHalf(i64.shiftRightUnsigned(bits, i64.const(64 - LOOK_BITS - 2))),
              i32.const(((1 << LOOK_BITS) - 1) << 2),
            ),
          ),
        ),
      ),
      when(i32.isZero(i32.and(entry, i32.const(WITH_VALUE))), set(entry, call(longEntry, table, next))),
      // Shifts take the lowest six bits of their count.
      set(bits, i64.shiftLeft(bits, i64.extend(entry))),
      set(count, i32.subtract(count, i32.and(entry, i32.const(LENGTH_MASK)))),
    ];
    const entryValue = i32.shiftRight(entry, i32.const(VALUE_SHIFT));
    const planned = (name: keyof typeof PLANNED) => i32.load(plan, PLANNED[name]);
    const check = (coefficient: Code): Code =>
      set(
        damaged,
        i32.or(
          damaged,
          i32.greaterUnsigned(i32.add(coefficient, i32.const(MOST_COEFFICIENT)), i32.const(2 * MOST_COEFFICIENT)),
        ),
      );
    const put = (scaled: Code): Code => [
      set(value, scaled),
      check(value),
      isWanted ? i32.store16(i32.and(scale, i32.const(255)), value, BLOCK) : [],
    ];
    const scaledBy = (quantised: Code): Code => i32.multiply(quantised, i32.shiftRightUnsigned(scale, i32.const(8)));

    const readMean = [
      set(table, planned('dc')),
      readEntry,
      set(value, i32.add(i32.load(planned('mean')), entryValue)),
      i32.store(planned('mean'), value),
      check(value),
      set(scale, i32.load(scales)),
      put(scaledBy(value)),
    ];
    const readOthers = block(
      set(table, planned('ac')),
      set(index, i32.const(1)),
      repeatWhile(
        i32.less(index, i32.const(64)),
        readEntry,
        advance(index, i32.and(i32.shiftRightUnsigned(entry, i32.const(ZEROS_SHIFT)), i32.const(ZEROS_MASK))),
        when(
          i32.greaterUnsigned(index, i32.const(63)),
          set(damaged, i32.or(damaged, i32.less(index, i32.const(END_OF_BLOCK)))),
          branch(2),
        ),
        isWanted
          ? [set(scale, i32.load(i32.add(scales, i32.shiftLeft(index, i32.const(2))))), put(scaledBy(entryValue))]
          : [],
        advance(index, i32.const(1)),
      ),
    );
    return [
      set(place, i32.load(at(0), PLACE)),
      set(count, i32.load(at(0), COUNT)),
      set(bits, i64.load(at(0), BITS)),
      set(end, i32.add(i32.load(at(0), END), i32.const(8))),
      repeatWhile(
        units,
        set(plan, i32.const(PLAN)),
        repeatWhile(
          i32.lessUnsigned(plan, planEnd),
          set(scales, planned('scales')),
          readMean,
          readOthers,
          isWanted
            ? [
                SIDES.map((side) =>
                  when(
                    i32.equal(planned('side'), i32.const(side)),
                    call(inverseDcts[side], planned('target'), planned('stride')),
                  ),
                ),
                i32.store(plan, i32.add(planned('target'), planned('step')), PLANNED.target),
              ]
            : [],
          advance(plan, i32.const(PLANNED_BYTES)),
        ),
        advance(units, i32.const(-1)),
        when(i32.greaterUnsigned(place, end), set(damaged, i32.const(1)), set(units, i32.const(0))),
      ),
      i32.store(at(0), place, PLACE),
      i32.store(at(0), count, COUNT),
      i64.store(at(0), bits, BITS),
      i32.store(at(0), i32.or(i32.load(at(0), DAMAGED), damaged), DAMAGED),
    ];
  });
}

const SIDES: readonly Side[] = [8, 4, 2, 1];

type Five = [Local, Local, Local, Local, Local];
type Six = [...Five, Local];

/** Eight bytes as a number of 64 bits, the first one highest. */
function bigEndian(place: Code): Code {
  return i64x2.firstLane(v128.pick([7, 6, 5, 4, 3, 2, 1, 0, ...Array(8).fill(128)], v128.load64(place)));
}

export const scanKernels = {
  makeTable,
  openSegment,
  longEntry,
  inverseDct8: inverseDcts[8],
  inverseDct4: inverseDcts[4],
  inverseDct2: inverseDcts[2],
  inverseDct1: inverseDcts[1],
  readUnits: readerOf(true),
  passUnits: readerOf(false),
};
