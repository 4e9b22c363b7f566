import { aligned } from '../wasm/memory.ts';
import type { JpegComponent, JpegFrame } from './frame.ts';

/** A component's samples, as far as they were asked for, in the kernels' memory. */
export interface Plane {
  readonly component: JpegComponent;
  /** Where the first sample lies. */
  readonly place: number;
  /** Samples from one row to the next, with PADDING on either side. */
  readonly stride: number;
  /** Rows of samples that there are. */
  readonly rows: number;
  /** Where the first sample belongs in the component. */
  readonly left: number;
  readonly top: number;
  /** Samples of the component across and down that belong to the image. */
  readonly width: number;
  readonly height: number;
}

/** Samples before and behind a row that a kernel may read, or that are put there for it. */
export const PADDING = 16;

/** A part of a scan, in units: the first, and the one after the last. */
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

/** Planes for some units of a frame, one after the other from `start` on, and where memory is free behind them. */
export function planesFor({ components, width, height }: JpegFrame, units: Units, start: number) {
  const { across: most = 1, down: deepest = 1 } = components[0] ?? {};
  let end = start;
  const planes = components.map((component): Plane => {
    const { across, down } = component;
    const stride = (units.right - units.left) * across * 8 + 2 * PADDING;
    const rows = (units.bottom - units.top) * down * 8;
    const place = end + PADDING;
    end = aligned(end + stride * rows);
    return {
      component,
      place,
      stride,
      rows,
      left: units.left * across * 8,
      top: units.top * down * 8,
      width: Math.ceil((width * across) / most),
      height: Math.ceil((height * down) / deepest),
    };
  });
  return { planes, end };
}
