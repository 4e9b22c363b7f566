import { FREE } from '../jpeg/layout.ts';
import { aligned, roomFor } from '../wasm/memory.ts';
import type { Raster } from './raster.ts';

/** An image [height, width, channels] that is being changed, in the kernels' memory; all numbers below are places in it. */
export interface Canvas extends Raster {
  /** Where the image lies. */
  readonly source: number;
  /** Where the next operation writes what becomes of it, and SLACK bytes more. */
  readonly target: number;
  /** Where an operation may put what it needs, as much as `roomFor` gives. */
  readonly scratch: number;
}

/** Writes what becomes of the canvas' image to its target. */
export type Operation = (canvas: Canvas) => void;

/** Bytes that kernels may read and write behind an image. */
export const SLACK = 16;

/** Changes an image in place by one operation after the other. */
export function applyAll(image: Uint8Array, raster: Raster, operations: readonly Operation[]): void {
  if (operations.length === 0) return;
  const room = aligned(image.length + SLACK);
  const scratch = FREE + 2 * room;
  let [source, target] = [FREE, FREE + room];
  roomFor(scratch).set(image, source);
  for (const operation of operations) {
    operation({ ...raster, source, target, scratch });
    [source, target] = [target, source];
  }
  image.set(roomFor(scratch).subarray(source, source + image.length));
}

/** Bytes of an image. */
export function lengthOf({ width, height, channels }: Raster): number {
  return width * height * channels;
}
