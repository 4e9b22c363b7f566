/** An IDX file of unsigned bytes, written byte by byte. */
export function idxFile(shape: readonly number[], data: Uint8Array, type = 0x08): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  for (const [dimension, side] of shape.entries()) header.writeUInt32BE(side, 4 + 4 * dimension);
  return Buffer.concat([header, data]);
}
