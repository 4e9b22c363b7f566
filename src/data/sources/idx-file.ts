import { withReader } from './byte-reader.ts';
import { fileError } from './file-error.ts';

/** Unsigned bytes of one or more dimensions, row by row. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** What the third byte of an IDX file says about its elements. */
const elementTypes: Readonly<Record<number, string>> = {
  8: 'unsigned bytes',
  9: 'signed bytes',
  11: 'shorts',
  12: 'ints',
  13: 'floats',
  14: 'doubles',
};

/** Most elements that are kept in memory; the largest set that is published so has 550 million. */
const MOST = 2 ** 31;

/**
 * Reads an IDX file of unsigned bytes, also gzipped: two zero bytes, the type, the number of dimensions, each dimension as a
 * big-endian 32-bit number, the elements (yann.lecun.com/exdb/mnist).
 *
 * @param dimensions how many it must have
 * @throws DATA_FILE naming the file and what is wrong with it
 */
export async function readIdxFile(path: string, dimensions: number): Promise<IdxArray> {
  return withReader(path, async (reader) => {
    const magic = await reader.take(4);
    const [first, second, type = 0, count] = magic;
    if (magic.length < 4 || first !== 0 || second !== 0 || elementTypes[type] === undefined) {
      throw fileError(path, 'it is no IDX file by its first bytes');
    }
    if (type !== 0x08) throw fileError(path, `it holds ${elementTypes[type]}, but only unsigned bytes are read`);
    if (count !== dimensions) throw fileError(path, `it has ${count} dimensions instead of ${dimensions}`);
    const header = await reader.take(4 * dimensions);
    if (header.length < 4 * dimensions) throw fileError(path, 'its header is cut short');
    const view = new DataView(header.buffer, header.byteOffset, header.length);
    const shape = Array.from({ length: dimensions }, (_, dimension) => view.getUint32(4 * dimension));
    const size = shape.reduce((product, side) => product * side, 1);
    if (size > MOST) throw fileError(path, `its header says ${shape.join('×')} bytes, more than ${MOST}`);
    // One byte more, so that what is too much is noticed; nothing is allocated for what is not there.
    const data = await reader.take(size + 1);
    if (data.length === size) return { shape, data };
    const found = data.length < size ? `only ${data.length}` : 'more';
    throw fileError(path, `its header says ${shape.join('×')} = ${size} bytes, but ${found} follow`);
  });
}
