import type { Pixels } from '../pixels.ts';
import { kernelMemory } from '../wasm/memory.ts';
import { WRITTEN_BEHIND, writeColour, writeGrey } from './colour.ts';
import type { JpegFrame } from './frame.ts';
import { type Plane, type Reduction, reducedSize, unitsOf } from './plane.ts';
import { decodePlanes } from './planes.ts';

/** A part of an image, whole pixels. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Pixels above which an image is left to the library: the kernels' memory does not shrink again. */
const MOST_PIXELS = 2 ** 24;

/**
 * Decodes a part of a JPEG image, which may be reduced, to bytes [height, width, channels], the same as libjpeg-turbo's.
 * Undefined where its data are damaged, as far as they have to be read, and for grey of colours.
 *
 * The bytes lie in the kernels' memory: they are there until another image is decoded or moved.
 */
export function decodeFrame(
  frame: JpegFrame,
  part: Box,
  channels: number,
  reduction: Reduction = 1,
): Pixels | undefined {
  const bytes = part.width * part.height * channels;
  if ((channels === 1 && frame.components.length === 3) || bytes > MOST_PIXELS * channels) return undefined;
  const { width, height } = reducedSize(frame, reduction);
  const units = unitsOf(frame, reduction);
  // A pixel takes the samples of chroma around it.
  const wanted = {
    left: Math.floor(Math.max(0, part.left - 2) / units.width),
    top: Math.floor(Math.max(0, part.top - 2) / units.height),
    right: Math.ceil(Math.min(width, part.left + part.width + 2) / units.width),
    bottom: Math.ceil(Math.min(height, part.top + part.height + 2) / units.height),
  };
  const decoded = decodePlanes(frame, reduction, wanted, bytes + WRITTEN_BEHIND);
  if (!decoded) return undefined;
  const { planes, free } = decoded;
  if (planes.length === 1) writeGrey(planes[0] as Plane, part, channels, free);
  else writeColour(planes, part, free);
  const data = new Uint8Array(kernelMemory().buffer, free, bytes);
  return { data, width: part.width, height: part.height, channels };
}
