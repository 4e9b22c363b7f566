import { aligned, roomIn } from '../wasm.ts';
import {
  type BitReader,
  bitReader,
  isSound,
  MOST_COEFFICIENT,
  readCoefficients,
  readDifference,
  readMarker,
} from './bit-reader.ts';
import type { JpegComponent, JpegFrame } from './frame.ts';
import { BLOCK, type DctKernel, dctKernel, FREE, OVERDRIVEN } from './inverse-dct.ts';

/** Samples of a component, as far as they were asked for. */
export interface Plane {
  readonly samples: Uint8Array;
  /** Samples from one row to the next. */
  readonly stride: number;
  /** Place of the first sample in the component. */
  readonly left: number;
  readonly top: number;
  /** Rows of samples that there are. */
  readonly rows: number;
  /** Samples of the component across and down that belong to the image. */
  readonly width: number;
  readonly height: number;
}

/** Units of the scan that are wanted: the first, and the one after the last. */
export interface Units {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How many units a frame has, and how many pixels one of them covers. */
export function unitsOf({ width, height, components }: JpegFrame) {
  const { across = 1, down = 1 } = components[0] ?? {};
  return {
    width: 8 * across,
    height: 8 * down,
    across: Math.ceil(width / (8 * across)),
    down: Math.ceil(height / (8 * down)),
  };
}

/** A component while its blocks are decoded. */
interface Decoding {
  readonly component: JpegComponent;
  readonly plane: Plane;
  /** Where its samples begin in the kernel's memory. */
  readonly place: number;
  mean: number;
}

/** Kept from image to image; nothing is decoded while another image is. */
let kernel: DctKernel | undefined;

/**
 * Decodes the units that are wanted of a frame's scan to a plane for each component. Undefined where the scan is damaged, as
 * far as it has to be read.
 */
export function decodePlanes(frame: JpegFrame, wanted: Units): Plane[] | undefined {
  const units = unitsOf(frame);
  kernel ??= dctKernel();
  const decoding = decodingsOf(frame, wanted, kernel);
  const block = new Int32Array(kernel.memory.buffer, BLOCK, 64);
  const overdriven = new Int32Array(kernel.memory.buffer, OVERDRIVEN, 1);
  block.fill(0);
  overdriven[0] = 0;
  const reader = bitReader(frame.bytes, frame.scan);
  let untilRestart = frame.restartInterval;
  let restarts = 0;
  for (let row = 0; row < wanted.bottom; row++) {
    for (let column = 0; column < units.across; column++) {
      if (frame.restartInterval > 0 && untilRestart-- === 0) {
        if (!isSound(reader) || readMarker(reader) !== 0xd0 + (restarts++ & 7)) return undefined;
        untilRestart = frame.restartInterval - 1;
        for (const each of decoding) each.mean = 0;
      }
      const isWanted = row >= wanted.top && column >= wanted.left && column < wanted.right;
      for (const each of decoding) {
        if (!decodeUnit(reader, each, isWanted ? block : null, column - wanted.left, row - wanted.top)) {
          return undefined;
        }
      }
    }
  }
  if (overdriven[0] !== 0 || !isSound(reader)) return undefined;
  if (wanted.bottom === units.down && readMarker(reader) !== 0xd9) return undefined;
  return decoding.map(({ plane }) => plane);
}

/** Decodes a component's blocks of the unit at (`column`, `row`) of the wanted ones, or passes over them without a `block`. */
function decodeUnit(
  reader: BitReader,
  decoding: Decoding,
  block: Int32Array | null,
  column: number,
  row: number,
): boolean {
  const { component, plane, place } = decoding;
  const { across, down, quantisation, dc, ac } = component;
  const { stride } = plane;
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      decoding.mean += readDifference(reader, dc);
      const mean = decoding.mean * (quantisation[0] as number);
      const last = readCoefficients(reader, ac, quantisation, block);
      if (last < 0 || !(Math.abs(mean) <= MOST_COEFFICIENT)) return false;
      if (block === null) continue;
      block[0] = mean;
      kernel?.inverseDct(place + (row * down + y) * 8 * stride + (column * across + x) * 8, stride);
    }
  }
  return true;
}

/** Components with room for their samples, one after the other in the kernel's memory. */
function decodingsOf({ components, width, height }: JpegFrame, wanted: Units, { memory }: DctKernel): Decoding[] {
  const { across: most = 1, down: deepest = 1 } = components[0] ?? {};
  let end = FREE;
  const layouts = components.map((component) => {
    const stride = (wanted.right - wanted.left) * component.across * 8;
    const rows = (wanted.bottom - wanted.top) * component.down * 8;
    const place = end;
    end = aligned(place + stride * rows);
    return { component, stride, rows, place };
  });
  const bytes = roomIn(memory, end);
  return layouts.map(({ component, stride, rows, place }) => {
    const { across, down } = component;
    const plane = {
      samples: bytes.subarray(place, place + stride * rows),
      stride,
      rows,
      left: wanted.left * across * 8,
      top: wanted.top * down * 8,
      width: Math.ceil((width * across) / most),
      height: Math.ceil((height * down) / deepest),
    };
    return { component, plane, place, mean: 0 };
  });
}
