import type { Augmentation } from './augmentation.ts';
import { type ImageKey, imageStream } from './image-key.ts';

/** Where an image is cut out and whether it is mirrored. */
export interface Placement {
  /** Shift of the crop against the unpadded image, in [-padding, padding]. */
  readonly top: number;
  readonly left: number;
  readonly mirrored: boolean;
}

export const unchanged: Placement = { top: 0, left: 0, mirrored: false };

/** The placement of an image in an epoch; it depends on the key alone. */
export function drawPlacement({ padding, flip }: Pick<Augmentation, 'padding' | 'flip'>, key: ImageKey): Placement {
  if (padding === 0 && flip === 0) return unchanged;
  const random = imageStream('augment', key);
  const shift = () => (padding === 0 ? 0 : random.integer(2 * padding + 1) - padding);
  return { top: shift(), left: shift(), mirrored: random.uniform() < flip };
}

/** Writes the placed image [size, size, channels] into `target` from `offset`; what lies outside the image is black. */
export function placeImage(
  image: Uint8Array,
  size: number,
  channels: number,
  { top, left, mirrored }: Placement,
  target: Uint8Array,
  offset: number,
): void {
  const rowBytes = size * channels;
  const firstColumn = Math.max(0, left);
  const columns = size - Math.abs(left);
  for (let row = 0; row < size; row++) {
    const source = row + top;
    const start = offset + row * rowBytes;
    if (source < 0 || source >= size) {
      target.fill(0, start, start + rowBytes);
      continue;
    }
    const from = source * rowBytes + firstColumn * channels;
    const to = start + Math.max(0, -left) * channels;
    if (left !== 0) target.fill(0, start, start + rowBytes);
    target.set(image.subarray(from, from + columns * channels), to);
    if (mirrored) mirrorRow(target, start, size, channels);
  }
}

function mirrorRow(target: Uint8Array, start: number, size: number, channels: number): void {
  const last = start + (size - 1) * channels;
  for (let left = start, right = last; left < right; left += channels, right -= channels) {
    for (let channel = 0; channel < channels; channel++) {
      const byte = target[left + channel] as number;
      target[left + channel] = target[right + channel] as number;
      target[right + channel] = byte;
    }
  }
}
