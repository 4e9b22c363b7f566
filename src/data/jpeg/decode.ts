import type { Pixels } from '../pixels.ts';
import { writeColour, writeColourOfPairs, writeGrey } from './colour.ts';
import type { JpegFrame } from './frame.ts';
import { decodePlanes, unitsOf } from './planes.ts';

/** A part of an image, whole pixels. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes a part of a JPEG image to bytes [height, width, channels], the same as libjpeg-turbo's. Undefined where its data
 * are damaged, as far as they have to be read, and for grey of colours.
 */
export function decodeFrame(frame: JpegFrame, part: Box, channels: number): Pixels | undefined {
  const { components, width, height } = frame;
  if (channels === 1 && components.length === 3) return undefined;
  const units = unitsOf(frame);
  // A pixel takes the samples of chroma around it.
  const wanted = {
    left: Math.floor(Math.max(0, part.left - 2) / units.width),
    top: Math.floor(Math.max(0, part.top - 2) / units.height),
    right: Math.ceil(Math.min(width, part.left + part.width + 2) / units.width),
    bottom: Math.ceil(Math.min(height, part.top + part.height + 2) / units.height),
  };
  const planes = decodePlanes(frame, wanted);
  const [luma] = planes ?? [];
  const [first] = components;
  if (!planes || !luma || !first) return undefined;
  const data = new Uint8Array(part.width * part.height * channels);
  if (components.length === 1) writeGrey(luma, part, channels, data);
  else if (first.across === 1) writeColour(planes, part, new Uint8ClampedArray(data.buffer));
  else writeColourOfPairs(planes, first.down, part, data);
  return { data, width: part.width, height: part.height, channels };
}
