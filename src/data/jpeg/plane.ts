import { aligned } from '../wasm/memory.ts';
import type { JpegComponent, JpegFrame } from './frame.ts';
import type { Side } from './inverse-dct.ts';

/** A component's samples, as far as they were asked for, in the kernels' memory. */
export interface Plane {
  readonly component: JpegComponent;
  /** Samples across and down that a block of it has become. */
  readonly side: Side;
  /** Pixels across and down that share a sample. */
  readonly pixelsAcross: number;
  readonly pixelsDown: number;
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

/** What an image is divided by: 1, or its blocks become fewer samples. */
export type Reduction = 1 | 2 | 4 | 8;

/** How far an image can be reduced: chroma that two columns but not two rows share is not smoothed at an eighth. */
export function reductionsOf({ components: [luma] }: JpegFrame): readonly Reduction[] {
  return luma && luma.across > luma.down ? [1, 2, 4] : [1, 2, 4, 8];
}

/** The extent of an image that is reduced. */
export function reducedSize({ width, height }: JpegFrame, reduction: Reduction) {
  return { width: Math.ceil(width / reduction), height: Math.ceil(height / reduction) };
}

/** How many units a frame has, and how many pixels of the reduced image one of them covers. */
export function unitsOf({ width, height, components }: JpegFrame, reduction: Reduction) {
  const { across = 1, down = 1 } = components[0] ?? {};
  return {
    width: (8 * across) / reduction,
    height: (8 * down) / reduction,
    across: Math.ceil(width / (8 * across)),
    down: Math.ceil(height / (8 * down)),
  };
}

/** Planes for some units of a frame, one after the other from `start` on, and where memory is free behind them. */
export function planesFor(frame: JpegFrame, reduction: Reduction, units: Units, start: number) {
  const { across: most = 1, down: deepest = 1 } = frame.components[0] ?? {};
  const { width, height } = reducedSize(frame, reduction);
  let end = start;
  const planes = frame.components.map((component): Plane => {
    const { across, down } = component;
    // Chroma that has fewer samples is reduced less, as far as that goes in both directions.
    const spared = Math.min(most / across, deepest / down, reduction);
    const side = ((8 / reduction) * spared) as Side;
    const [pixelsAcross, pixelsDown] = [most / across / spared, deepest / down / spared];
    const stride = (units.right - units.left) * across * side + 2 * PADDING;
    const rows = (units.bottom - units.top) * down * side;
    const place = end + PADDING;
    end = aligned(end + stride * rows);
    return {
      component,
      side,
      pixelsAcross,
      pixelsDown,
      place,
      stride,
      rows,
      left: units.left * across * side,
      top: units.top * down * side,
      width: Math.ceil(width / pixelsAcross),
      height: Math.ceil(height / pixelsDown),
    };
  });
  return { planes, end };
}
