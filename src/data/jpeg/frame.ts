import type { StoredImage } from '../sources/image-set.ts';
import { type HuffmanCode, isCode } from './huffman.ts';
import { orientationOf } from './orientation.ts';

export interface JpegComponent {
  readonly id: number;
  /** Blocks of 8×8 samples in a unit, across and down. */
  readonly across: number;
  readonly down: number;
  /** Its quantisation as the kernels read it, see SCALES. */
  readonly scales: Int32Array;
  readonly dc: HuffmanCode;
  readonly ac: HuffmanCode;
}

/** A baseline JPEG image whose segments have been read, and whose coefficients come at `scan`. */
export interface JpegFrame {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Grey, or luma and two of chroma; luma has one, two or four samples for each of theirs. */
  readonly components: readonly JpegComponent[];
  /** Units of the scan between restart markers; 0: there are none. */
  readonly restartInterval: number;
  /** Where the entropy-coded bytes begin. */
  readonly scan: number;
}

/** Whether it may be a JPEG file: by its bytes, or by the name of a file that is not read yet. */
export function looksLikeJpeg(image: StoredImage): boolean {
  if (image.kind === 'file') return /\.jpe?g$/i.test(image.path);
  return image.kind === 'encoded' && image.bytes[0] === 0xff && image.bytes[1] === 0xd8;
}

/** From zigzag to natural order. */
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

/** Larger files are left to the library: the kernels' memory does not shrink again. */
const MOST_BYTES = 2 ** 25;

interface FrameHeader {
  readonly width: number;
  readonly height: number;
  readonly components: readonly { id: number; across: number; down: number; table: number }[];
}

/**
 * Reads the segments of a JPEG file up to its first scan (ITU-T T.81, annex B). Undefined for all that is not baseline with
 * 8 bits, upright, in grey or YCbCr without a colour profile, in one scan, with usual subsampling, and for what is damaged:
 * a library may know more about these.
 */
export function readFrame(bytes: Uint8Array): JpegFrame | undefined {
  if (bytes.length < 4 || bytes.length > MOST_BYTES || bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  if (bytes[bytes.length - 2] !== 0xff || bytes[bytes.length - 1] !== 0xd9) return undefined;
  if (newest && startsAs(bytes, newest)) return hasRoom({ ...newest, bytes });
  const frame = readSegments(bytes);
  newest = frame && { ...frame, bytes: bytes.slice(0, frame.scan) };
  return frame && hasRoom(frame);
}

/** The last frame that was read, with the bytes before its scan: files of one data set often begin with the same ones. */
let newest: JpegFrame | undefined;

function startsAs(bytes: Uint8Array, { bytes: known, scan }: JpegFrame): boolean {
  if (bytes.length < scan) return false;
  for (let place = 0; place < scan; place++) if (bytes[place] !== known[place]) return false;
  return true;
}

/** A block takes two bits at least: no memory is taken for what cannot be there. */
function hasRoom(frame: JpegFrame): JpegFrame | undefined {
  const { bytes, scan, width, height, components } = frame;
  const blocks = components.reduce((sum, { across, down }) => sum + across * down, 0);
  const { across = 1, down = 1 } = components[0] ?? {};
  const units = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  return (bytes.length - scan) * 4 < units * blocks ? undefined : frame;
}

function readSegments(bytes: Uint8Array): JpegFrame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const quantisation: (Int32Array | undefined)[] = [];
  const huffman = new Map<number, HuffmanCode>();
  let header: FrameHeader | undefined;
  let restartInterval = 0;
  for (let place = 2; place + 4 <= bytes.length; ) {
    if (bytes[place] !== 0xff) return undefined;
    const marker = bytes[place + 1] as number;
    if (marker === 0xff) {
      place += 1;
      continue;
    }
    const length = view.getUint16(place + 2);
    const end = place + 2 + length;
    if (length < 2 || end > bytes.length || marker < 0xc0) return undefined;
    const segment = bytes.subarray(place + 4, end);
    place = end;
    switch (marker) {
      case 0xc0:
      case 0xc1:
        if (header) return undefined;
        header = frameHeader(segment);
        if (!header) return undefined;
        break;
      case 0xc4:
        if (!readHuffman(segment, huffman)) return undefined;
        break;
      case 0xdb:
        if (!readQuantisation(segment, quantisation)) return undefined;
        break;
      case 0xdd:
        if (segment.length !== 2) return undefined;
        restartInterval = ((segment[0] as number) << 8) | (segment[1] as number);
        break;
      case 0xda:
        return header && frameOf(bytes, header, segment, quantisation, huffman, restartInterval, end);
      // JFIF, comments, and what other programs keep for themselves.
      case 0xe0:
      case 0xfe:
        break;
      case 0xe1:
        if (orientationOf(segment) !== 1) return undefined;
        break;
      default:
        // A colour profile and Adobe's transform say what colours mean; other frames are coded otherwise.
        if (marker < 0xe3 || marker > 0xef || marker === 0xee) return undefined;
    }
  }
  return undefined;
}

function frameHeader(segment: Uint8Array): FrameHeader | undefined {
  const [bits, high0 = 0, low0 = 0, high1 = 0, low1 = 0, count = 0] = segment;
  const [height, width] = [(high0 << 8) | low0, (high1 << 8) | low1];
  const isUsual = bits === 8 && (count === 1 || count === 3) && segment.length === 6 + 3 * count;
  if (!isUsual || width === 0 || height === 0) return undefined;
  const components = Array.from({ length: count }, (_, index) => {
    const [id = 0, sampling = 0, table = 0] = segment.subarray(6 + 3 * index);
    return { id, across: sampling >> 4, down: sampling & 15, table };
  });
  const [luma, ...chroma] = components as [(typeof components)[number], ...typeof components];
  if (chroma.length === 0) {
    // The blocks of a single component are not interleaved, whatever its sampling says.
    return { width, height, components: [{ ...luma, across: 1, down: 1 }] };
  }
  const sampling = `${luma.across}x${luma.down}`;
  const areKnown = components.every(({ id }, index) => id === index + 1);
  const areWhole = chroma.every(({ across, down }) => across === 1 && down === 1);
  // Of narrow images the library does not smooth the chroma.
  const isWide = luma.across === 1 || width > 4;
  return areKnown && areWhole && isWide && ['1x1', '2x1', '2x2'].includes(sampling)
    ? { width, height, components }
    : undefined;
}

function readHuffman(segment: Uint8Array, codes: Map<number, HuffmanCode>): boolean {
  for (let place = 0; place < segment.length; ) {
    const target = segment[place] as number;
    const count = segment.subarray(place + 1, place + 17).reduce((sum, symbols) => sum + symbols, 0);
    const end = place + 17 + count;
    const code = segment.slice(place + 1, end);
    const isOfDifferences = target < 0x10;
    if (end > segment.length || !isCode(code)) return false;
    if (isOfDifferences && code.subarray(16).some((size) => size > 15)) return false;
    codes.set(target, code);
    place = end;
  }
  return true;
}

function readQuantisation(segment: Uint8Array, tables: (Int32Array | undefined)[]): boolean {
  for (let place = 0; place < segment.length; ) {
    const target = segment[place] as number;
    const bytes = target >> 4 === 0 ? 1 : 2;
    if (target >> 4 > 1 || (target & 15) > 3 || place + 1 + 64 * bytes > segment.length) return false;
    const start = place + 1;
    const scales = new Int32Array(64);
    for (let index = 0, from = start; index < 64; index++, from += bytes) {
      const value = segment[from] as number;
      const factor = bytes === 1 ? value : (value << 8) | (segment[from + 1] as number);
      scales[index] = (factor << 8) | (2 * (NATURAL[index] as number));
    }
    tables[target & 15] = scales;
    place += 1 + 64 * bytes;
  }
  return true;
}

function frameOf(
  bytes: Uint8Array,
  { width, height, components }: FrameHeader,
  segment: Uint8Array,
  quantisation: readonly (Int32Array | undefined)[],
  huffman: ReadonlyMap<number, HuffmanCode>,
  restartInterval: number,
  scan: number,
): JpegFrame | undefined {
  if (segment[0] !== components.length || segment.length !== 4 + 2 * components.length) return undefined;
  const complete: JpegComponent[] = [];
  for (const [index, { id, across, down, table }] of components.entries()) {
    const [selector, tables = 0] = segment.subarray(1 + 2 * index);
    const scales = quantisation[table];
    const dc = huffman.get(tables >> 4);
    const ac = huffman.get(0x10 | (tables & 15));
    if (selector !== id || !scales || !dc || !ac) return undefined;
    complete.push({ id, across, down, scales, dc, ac });
  }
  return { bytes, width, height, components: complete, restartInterval, scan };
}
