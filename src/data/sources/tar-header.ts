/** One header block of a tar archive (POSIX.1-1988 ustar, or GNU's). */
export interface TarHeader {
  readonly name: string;
  /** Bytes that follow the header, without padding. */
  readonly size: number;
  readonly type: TarType;
}

export type TarType = 'file' | 'empty' | 'pax' | 'long-name' | 'long-link';

export const TAR_BLOCK = 512;

const decoder = new TextDecoder();
const types: Readonly<Record<string, TarType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  // Links, devices, folders and pipes: nothing follows them, whatever their size says.
  '1': 'empty',
  '2': 'empty',
  '3': 'empty',
  '4': 'empty',
  '5': 'empty',
  '6': 'empty',
  x: 'pax',
  L: 'long-name',
  K: 'long-link',
};

/**
 * Reads a header block; null for the block of zeros that ends an archive.
 *
 * @param block [512]
 * @throws Error saying what is wrong with it.
 */
export function parseTarHeader(block: Uint8Array): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  checkSum(block);
  const magic = decoder.decode(block.subarray(257, 263));
  if (!['ustar\0', 'ustar ', '\0\0\0\0\0\0'].includes(magic)) throw new Error('a tar header is of an unknown kind');
  const flag = String.fromCharCode(block[156] as number);
  const type = types[flag];
  if (type === undefined)
    throw new Error(`a tar header is of the type ${JSON.stringify(flag)}, which is not supported`);
  const name = text(block.subarray(0, 100));
  const prefix = magic === 'ustar\0' ? text(block.subarray(345, 500)) : '';
  const full = prefix === '' ? name : `${prefix}/${name}`;
  const size = number(block.subarray(124, 136), 'size');
  // Archives older than the type of folders mark them so.
  return { name: full, size, type: type === 'file' && name.endsWith('/') ? 'empty' : type };
}

/** The sum of all bytes with the field of the sum taken as spaces; some old programs added signed bytes. */
function checkSum(block: Uint8Array): void {
  let unsigned = 0;
  let signed = 0;
  for (const [index, byte] of block.entries()) {
    const counted = index >= 148 && index < 156 ? 32 : byte;
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  const sum = number(block.subarray(148, 156), 'checksum');
  if (sum !== unsigned && sum !== signed) throw new Error('the checksum of a tar header is wrong');
}

/** Octal digits, or GNU's binary form of large numbers. */
function number(field: Uint8Array, what: string): number {
  if (((field[0] as number) & 0x80) !== 0) {
    let value = (field[0] as number) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (Number.isSafeInteger(value)) return value;
  } else {
    const digits = text(field).trim();
    if (/^[0-7]{1,12}$/.test(digits)) return Number.parseInt(digits, 8);
  }
  throw new Error(`the ${what} in a tar header is no number`);
}

/** Text up to the first zero byte. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}
