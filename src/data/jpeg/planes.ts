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
import { inverseDct, inverseDctOfMean, wasOverdriven } from './inverse-dct.ts';

/** Samples of a component, as far as they were asked for. */
export interface Plane {
  readonly samples: Uint8Array;
  /** Samples from one row to the next. */
  readonly stride: number;
  /** Place of the first sample in the component. */
  readonly left: number;
  readonly top: number;
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
  mean: number;
}

const block = new Int32Array(64);

/**
 * Decodes the units that are wanted of a frame's scan to a plane for each component. Undefined where the scan is damaged, as
 * far as it has to be read.
 */
export function decodePlanes(frame: JpegFrame, wanted: Units): Plane[] | undefined {
  wasOverdriven();
  const units = unitsOf(frame);
  const decoding = frame.components.map((component, index) => decodingOf(frame, component, index, wanted));
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
        if (!decodeUnit(reader, each, column - wanted.left, row - wanted.top, isWanted)) return undefined;
      }
    }
  }
  if (wasOverdriven() || !isSound(reader)) return undefined;
  if (wanted.bottom === units.down && readMarker(reader) !== 0xd9) return undefined;
  return decoding.map(({ plane }) => plane);
}

/** Decodes a component's blocks of the unit at (`column`, `row`) of the wanted ones. */
function decodeUnit(reader: BitReader, decoding: Decoding, column: number, row: number, isWanted: boolean): boolean {
  const { component, plane } = decoding;
  const { across, down, quantisation, dc, ac } = component;
  const { samples, stride } = plane;
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      decoding.mean += readDifference(reader, dc);
      const last = readCoefficients(reader, ac, quantisation, isWanted ? block : null);
      const mean = decoding.mean * (quantisation[0] as number);
      if (last < 0 || !(Math.abs(mean) <= MOST_COEFFICIENT)) {
        block.fill(0);
        return false;
      }
      if (!isWanted) continue;
      const offset = (row * down + y) * 8 * stride + (column * across + x) * 8;
      if (last === 0) inverseDctOfMean(mean, samples, offset, stride);
      else {
        block[0] = mean;
        inverseDct(block, samples, offset, stride);
      }
    }
  }
  return true;
}

function decodingOf(frame: JpegFrame, component: JpegComponent, index: number, wanted: Units): Decoding {
  const { across, down } = component;
  const stride = (wanted.right - wanted.left) * across * 8;
  const rows = (wanted.bottom - wanted.top) * down * 8;
  const { across: most = 1, down: deepest = 1 } = frame.components[0] ?? {};
  const plane = {
    samples: scratch(index, stride * rows),
    stride,
    left: wanted.left * across * 8,
    top: wanted.top * down * 8,
    width: Math.ceil((frame.width * across) / most),
    height: Math.ceil((frame.height * down) / deepest),
  };
  return { component, plane, mean: 0 };
}

/** Kept from image to image; nothing is decoded while another image is. */
const scratches: Uint8Array[] = [];

function scratch(index: number, bytes: number): Uint8Array {
  const found = scratches[index];
  if (found && found.length >= bytes) return found;
  const made = new Uint8Array(bytes);
  scratches[index] = made;
  return made;
}
