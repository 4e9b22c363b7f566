import { TABLE_LENGTH } from './huffman.ts';

/*
 * Where the kernels of the decoder find things in their memory, in bytes.
 */

/** Coefficients of the block that is being decoded: 64 numbers of 16 bits in natural order, zero between blocks. */
export const BLOCK = 0;

/** Where reading stands. */
export const READER = 128;
/** The next byte that is not in `BITS` yet. */
export const PLACE = READER;
/** How many of `BITS` are to be read; those after them are of the bytes at `PLACE`, or zero. */
export const COUNT = READER + 4;
/** 64 bits, the next one first. */
export const BITS = READER + 8;
/** Where the bytes of the segment end. */
export const END = READER + 16;
/** Where a marker follows them, in the file's bytes. */
export const MARKER = READER + 20;
/** Not 0 after something was read or computed that no picture has. */
export const DAMAGED = READER + 24;

/** Means of the last blocks, quantised, one number of 32 bits for each component. */
export const MEANS = 160;

/** What the blocks of a unit are, in their order: records of eight numbers of 32 bits. */
export const PLAN = 176;
export const PLANNED = { mean: 0, dc: 4, ac: 8, scales: 12, target: 16, step: 20, stride: 24, side: 28 } as const;
export const PLANNED_BYTES = 32;
const MOST_PLANNED = 6;

/**
 * For each component 64 numbers of 32 bits in zigzag order: from bit 8 what a coefficient is multiplied by, below it where
 * it lies in a block.
 */
export const SCALES = PLAN + MOST_PLANNED * PLANNED_BYTES;
export const SCALES_BYTES = 256;

/** Huffman tables, up to six. */
export const TABLES = SCALES + 3 * SCALES_BYTES;
export const TABLE_BYTES = 4 * TABLE_LENGTH;

/** Where memory begins that is free. */
export const FREE = TABLES + 6 * TABLE_BYTES;
/** What may be read beyond the bytes of a segment before their end is noticed. */
export const READ_AHEAD = 2048;
