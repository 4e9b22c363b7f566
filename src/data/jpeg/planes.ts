import { roomFor } from '../wasm/memory.ts';
import type { JpegFrame } from './frame.ts';
import { FREE } from './layout.ts';
import { type Plane, planesFor, type Reduction, type Units, unitsOf } from './plane.ts';
import { roomForScan, scanReader } from './scan.ts';

/**
 * Decodes the units that are wanted of a frame's scan to a plane for each component. Undefined where the scan is damaged, as
 * far as it has to be read.
 *
 * @param spare bytes of the kernels' memory that must be there behind the planes
 * @returns also where the memory behind the planes begins
 */
export function decodePlanes(
  frame: JpegFrame,
  reduction: Reduction,
  wanted: Units,
  spare: number,
): { planes: Plane[]; free: number } | undefined {
  const { across, down } = unitsOf(frame, reduction);
  const { restartInterval } = frame;
  const { planes, end } = planesFor(frame, reduction, wanted, FREE + roomForScan(frame));
  roomFor(end + spare);
  const reader = scanReader(frame, planes, FREE);
  let untilRestart = restartInterval || Number.POSITIVE_INFINITY;
  const isToTheEnd = wanted.bottom === down;
  for (let row = 0; row < wanted.bottom; row++) {
    const isWantedRow = row >= wanted.top;
    if (isWantedRow) reader.beginRow(row - wanted.top);
    const stops = isWantedRow ? [wanted.left, wanted.right, across] : [across];
    const last = isToTheEnd || row + 1 < wanted.bottom ? across : wanted.right;
    for (let column = 0; column < last; ) {
      if (untilRestart === 0) {
        if (!reader.restart()) return undefined;
        untilRestart = restartInterval;
      }
      const stop = stops.find((place) => place > column) ?? across;
      const count = Math.min(stop - column, untilRestart);
      reader.read(count, isWantedRow && column >= wanted.left && column < wanted.right);
      column += count;
      untilRestart -= count;
    }
    if (!reader.isSound()) return undefined;
  }
  return isToTheEnd && !reader.isAtEnd() ? undefined : { planes, free: end };
}
