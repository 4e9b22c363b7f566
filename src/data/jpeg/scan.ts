import { aligned, kernelMemory } from '../wasm/memory.ts';
import type { JpegFrame } from './frame.ts';
import type { HuffmanCode } from './huffman.ts';
import { jpegKernels } from './kernels.ts';
import {
  COUNT,
  DAMAGED,
  END,
  FREE,
  MARKER,
  MEANS,
  PLACE,
  PLAN,
  PLANNED,
  PLANNED_BYTES,
  READ_AHEAD,
  SCALES,
  SCALES_BYTES,
  TABLE_BYTES,
  TABLES,
} from './layout.ts';
import type { Plane } from './plane.ts';

/** Reads the entropy-coded bytes of a frame, unit after unit. */
export interface ScanReader {
  /** Samples of the next units are put at the beginning of such a row of units of the planes. */
  beginRow(row: number): void;
  /** Reads units, and turns them into samples if they are wanted. */
  read(units: number, isWanted: boolean): void;
  /** Goes on behind the restart marker that must come next. Returns whether it does, and all before it was sound. */
  restart(): boolean;
  /** Whether all that was read was there, and is what a picture has. */
  isSound(): boolean;
  /** Whether nothing but the end of the image follows. */
  isAtEnd(): boolean;
}

/**
 * @param planes where samples are put
 * @param room as much of the kernels' memory as {@link roomForScan} says, from this place on
 */
export function scanReader({ bytes, scan }: JpegFrame, planes: readonly Plane[], room: number): ScanReader {
  const kernels = jpegKernels();
  const { buffer } = kernelMemory();
  const words = new Int32Array(buffer);
  const word = (place: number) => words[place >> 2] as number;
  const encoded = bytes.subarray(scan);
  const raw = room + aligned(encoded.length + READ_AHEAD);
  const planned = writePlan(words, planes);
  new Uint8Array(buffer).set(encoded, raw);
  const planEnd = PLAN + planned.length * PLANNED_BYTES;
  let restarts = 0;

  const open = (source: number) => {
    words.fill(0, MEANS >> 2, (MEANS >> 2) + planes.length);
    kernels.openSegment(source, room);
  };
  /** Of the segment's bits, how many have not been read; negative where more have been than there are. */
  const bitsLeft = () => 8 * (word(END) - word(PLACE)) + word(COUNT);
  const isSound = () => word(DAMAGED) === 0 && bitsLeft() >= 0;
  /** The second byte of the marker behind the segment, and where it lies. */
  const marker = () => {
    let place = word(MARKER) - raw + 1;
    while (encoded[place] === 0xff) place += 1;
    return { place, byte: encoded[place] };
  };
  words[DAMAGED >> 2] = 0;
  open(raw);
  return {
    beginRow(row) {
      for (const [index, { start, rowBytes }] of planned.entries()) {
        words[(PLAN + index * PLANNED_BYTES + PLANNED.target) >> 2] = start + row * rowBytes;
      }
    },
    read: (units, isWanted) => (isWanted ? kernels.readUnits : kernels.passUnits)(units, planEnd),
    restart() {
      const { place, byte } = marker();
      if (!isSound() || byte !== 0xd0 + (restarts++ & 7)) return false;
      open(raw + place + 1);
      return true;
    },
    isSound,
    isAtEnd: () => bitsLeft() < 8 && marker().byte === 0xd9,
  };
}

/** Bytes that a reader takes: the scan twice, as it is stored and as it is read. */
export function roomForScan({ bytes, scan }: JpegFrame): number {
  return 2 * aligned(bytes.length - scan + READ_AHEAD);
}

/** A block of a unit: where its samples begin in the first row of units, and how far the next row is. */
interface PlannedBlock {
  readonly start: number;
  readonly rowBytes: number;
}

/** Tells the kernels what the blocks of a unit are and how they are decoded. */
function writePlan(words: Int32Array, planes: readonly Plane[]): PlannedBlock[] {
  const codes = [...new Set(planes.flatMap(({ component: { dc, ac } }) => [dc, ac]))];
  for (const [index, code] of codes.entries()) loadTable(words, index, code);
  const tableOf = (code: HuffmanCode) => TABLES + codes.indexOf(code) * TABLE_BYTES;
  const planned: PlannedBlock[] = [];
  for (const [index, { component, place, stride, side }] of planes.entries()) {
    const { across, down, scales, dc, ac } = component;
    const scalesPlace = SCALES + index * SCALES_BYTES;
    words.set(scales, scalesPlace >> 2);
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < across; x++) {
        const block = PLAN + planned.length * PLANNED_BYTES;
        words[(block + PLANNED.mean) >> 2] = MEANS + 4 * index;
        words[(block + PLANNED.dc) >> 2] = tableOf(dc);
        words[(block + PLANNED.ac) >> 2] = tableOf(ac);
        words[(block + PLANNED.scales) >> 2] = scalesPlace;
        words[(block + PLANNED.step) >> 2] = side * across;
        words[(block + PLANNED.stride) >> 2] = stride;
        words[(block + PLANNED.side) >> 2] = side;
        planned.push({ start: place + side * (y * stride + x), rowBytes: side * down * stride });
      }
    }
  }
  return planned;
}

/** The codes whose tables lie in the kernels' memory. */
const loaded: HuffmanCode[] = [];

function loadTable(words: Int32Array, index: number, code: HuffmanCode): void {
  const known = loaded[index];
  if (known === code || (known && Buffer.compare(known, code) === 0)) return;
  const table = TABLES + index * TABLE_BYTES;
  words.fill(0, table >> 2, (table + TABLE_BYTES) >> 2);
  new Uint8Array(words.buffer).set(code, FREE);
  jpegKernels().makeTable(FREE, table);
  loaded[index] = code;
}
