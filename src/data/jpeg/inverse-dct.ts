/** Columns of a block after the first pass. */
const columns = new Int32Array(64);

/**
 * Turns a block of dequantised coefficients [64], in natural order, into samples [8, 8] of a plane, and clears it.
 *
 * The arithmetic is that of the Independent JPEG Group's `jidctint.c`, the accurate integer method, which libjpeg-turbo's
 * vector code gives to the last bit: Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point.
 */
export function inverseDct(block: Int32Array, plane: Uint8Array, offset: number, stride: number): void {
  for (let column = 0; column < 8; column++) {
    const c0 = block[column] as number;
    const c1 = block[column + 8] as number;
    const c2 = block[column + 16] as number;
    const c3 = block[column + 24] as number;
    const c4 = block[column + 32] as number;
    const c5 = block[column + 40] as number;
    const c6 = block[column + 48] as number;
    const c7 = block[column + 56] as number;
    if ((c1 | c2 | c3 | c4 | c5 | c6 | c7) === 0) {
      const value = c0 << 2;
      for (let row = column; row < 64; row += 8) columns[row] = value;
      continue;
    }
    const e1 = Math.imul(c2 + c6, 4433);
    const e2 = e1 - Math.imul(c6, 15137);
    const e3 = e1 + Math.imul(c2, 6270);
    const e4 = (c0 + c4) << 13;
    const e5 = (c0 - c4) << 13;
    const s0 = e4 + e3 + 1024;
    const s3 = e4 - e3 + 1024;
    const s1 = e5 + e2 + 1024;
    const s2 = e5 - e2 + 1024;
    const z5 = Math.imul(c7 + c3 + c5 + c1, 9633);
    const z1 = Math.imul(c7 + c1, -7373);
    const z2 = Math.imul(c5 + c3, -20995);
    const z3 = Math.imul(c7 + c3, -16069) + z5;
    const z4 = Math.imul(c5 + c1, -3196) + z5;
    const t0 = Math.imul(c7, 2446) + z1 + z3;
    const t1 = Math.imul(c5, 16819) + z2 + z4;
    const t2 = Math.imul(c3, 25172) + z2 + z3;
    const t3 = Math.imul(c1, 12299) + z1 + z4;
    columns[column] = (s0 + t3) >> 11;
    columns[column + 56] = (s0 - t3) >> 11;
    columns[column + 8] = (s1 + t2) >> 11;
    columns[column + 48] = (s1 - t2) >> 11;
    columns[column + 16] = (s2 + t1) >> 11;
    columns[column + 40] = (s2 - t1) >> 11;
    columns[column + 24] = (s3 + t0) >> 11;
    columns[column + 32] = (s3 - t0) >> 11;
  }
  block.fill(0);
  for (let row = 0, to = offset; row < 64; row += 8, to += stride) {
    const c0 = columns[row] as number;
    const c1 = columns[row + 1] as number;
    const c2 = columns[row + 2] as number;
    const c3 = columns[row + 3] as number;
    const c4 = columns[row + 4] as number;
    const c5 = columns[row + 5] as number;
    const c6 = columns[row + 6] as number;
    const c7 = columns[row + 7] as number;
    const e1 = Math.imul(c2 + c6, 4433);
    const e2 = e1 - Math.imul(c6, 15137);
    const e3 = e1 + Math.imul(c2, 6270);
    // 128 is added before the shift, and half of what is shifted out.
    const e4 = ((c0 + c4) << 13) + 33685504;
    const e5 = ((c0 - c4) << 13) + 33685504;
    const s0 = e4 + e3;
    const s3 = e4 - e3;
    const s1 = e5 + e2;
    const s2 = e5 - e2;
    const z5 = Math.imul(c7 + c3 + c5 + c1, 9633);
    const z1 = Math.imul(c7 + c1, -7373);
    const z2 = Math.imul(c5 + c3, -20995);
    const z3 = Math.imul(c7 + c3, -16069) + z5;
    const z4 = Math.imul(c5 + c1, -3196) + z5;
    const t0 = Math.imul(c7, 2446) + z1 + z3;
    const t1 = Math.imul(c5, 16819) + z2 + z4;
    const t2 = Math.imul(c3, 25172) + z2 + z3;
    const t3 = Math.imul(c1, 12299) + z1 + z4;
    plane[to] = clamp((s0 + t3) >> 18);
    plane[to + 7] = clamp((s0 - t3) >> 18);
    plane[to + 1] = clamp((s1 + t2) >> 18);
    plane[to + 6] = clamp((s1 - t2) >> 18);
    plane[to + 2] = clamp((s2 + t1) >> 18);
    plane[to + 5] = clamp((s2 - t1) >> 18);
    plane[to + 3] = clamp((s3 + t0) >> 18);
    plane[to + 4] = clamp((s3 - t0) >> 18);
  }
}

/** The same for a block of which only the first coefficient is not zero. */
export function inverseDctOfMean(mean: number, plane: Uint8Array, offset: number, stride: number): void {
  const value = clamp(((mean << 2) + 16 + 4096) >> 5);
  for (let row = 0, to = offset; row < 8; row++, to += stride) plane.fill(value, to, to + 8);
}

/** Whether a sample has been so far out of range that it matters how wide a library's registers are. */
let isOverdriven = false;

/** Whether any block since the last call held what no picture does. */
export function wasOverdriven(): boolean {
  const was = isOverdriven;
  isOverdriven = false;
  return was;
}

function clamp(value: number): number {
  if ((value & ~255) === 0) return value;
  if (value < -128 || value > 383) isOverdriven = true;
  return value < 0 ? 0 : 255;
}
