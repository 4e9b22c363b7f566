import { randomStream } from '../../util/random.ts';

export interface Augmentation {
  /** Pixels of black that are added on every side before a crop of the original size is taken. */
  readonly padding: number;
  /** Probability of a horizontal flip. */
  readonly flip: number;
}

/** Where an image is cut out and whether it is mirrored. */
export interface Placement {
  /** Shift of the crop against the unpadded image, in [-padding, padding]. */
  readonly top: number;
  readonly left: number;
  readonly mirrored: boolean;
}

export const unchanged: Placement = { top: 0, left: 0, mirrored: false };

/** The placement of an image in an epoch; it depends on the key alone. */
export function drawPlacement(
  { padding, flip }: Augmentation,
  key: { readonly seed: number; readonly stream: string; readonly epoch: number; readonly index: number },
): Placement {
  if (padding === 0 && flip === 0) return unchanged;
  const random = randomStream(key.seed, `augment/${key.stream}`, key.epoch, key.index);
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
  for (let left = 0, right = size - 1; left < right; left++, right--) {
    for (let channel = 0; channel < channels; channel++) {
      const a = start + left * channels + channel;
      const b = start + right * channels + channel;
      const byte = target[a] as number;
      target[a] = target[b] as number;
      target[b] = byte;
    }
  }
}
