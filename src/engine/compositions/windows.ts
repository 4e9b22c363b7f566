import * as tf from '@tensorflow/tfjs-core';
import { type Geometry, placesOf } from '../kernels/geometry.ts';

/**
 * What a frame shows of images [B, H, W, C].
 *
 * @param top row of the image at which the frame begins; negative above it
 * @param left column of the image at which the frame begins
 * @param padding what the frame shows outside the image
 * @returns [B, height, width, C]
 */
export function framed(
  image: tf.Tensor4D,
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
  padding = 0,
): tf.Tensor4D {
  const [batch, rows, columns, channels] = image.shape;
  const pads: [number, number][] = [
    [0, 0],
    [Math.max(0, -top), Math.max(0, top + height - rows)],
    [Math.max(0, -left), Math.max(0, left + width - columns)],
    [0, 0],
  ];
  const reaching = pads.flat().every((pad) => pad === 0) ? image : tf.pad(image, pads, padding);
  if (reaching.shape[1] === height && reaching.shape[2] === width) return reaching;
  return tf.slice(reaching, [0, Math.max(0, top), Math.max(0, left), 0], [batch, height, width, channels]);
}

/**
 * What every place of a window sees of images [B, H, W, C], in row-major order of the places.
 *
 * @param padding what a window sees outside the image
 * @returns a tensor [B, outH, outW, C] per place
 */
export function windowsOf(image: tf.Tensor4D, geometry: Geometry, padding = 0): tf.Tensor4D[] {
  const { batchSize, inChannels, outHeight, outWidth, strideHeight, strideWidth, padInfo } = geometry;
  const reach = [(outHeight - 1) * strideHeight, (outWidth - 1) * strideWidth] as const;
  const extents = [reach[0] + geometry.effectiveFilterHeight, reach[1] + geometry.effectiveFilterWidth] as const;
  const padded = framed(image, [-padInfo.top, -padInfo.left], extents, padding);
  return placesOf(geometry).map(([row, column]) => {
    const end = [batchSize, row + reach[0] + 1, column + reach[1] + 1, inChannels];
    return tf.stridedSlice(padded, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]) as tf.Tensor4D;
  });
}

/**
 * The adjoint of `windowsOf`: images [B, H, W, C] with every element the sum of what the windows have at its place.
 *
 * Places whose distance is a multiple of the strides fall on the same pixels. Each such set is summed on the grid of
 * positions, and the sets are interleaved at the end.
 */
export function sumOfWindows(windows: readonly tf.Tensor4D[], geometry: Geometry): tf.Tensor4D {
  const { strideHeight, strideWidth, outHeight, outWidth, inHeight, inWidth, padInfo } = geometry;
  const gridHeight = outHeight + Math.ceil(geometry.effectiveFilterHeight / strideHeight) - 1;
  const gridWidth = outWidth + Math.ceil(geometry.effectiveFilterWidth / strideWidth) - 1;
  const sets: (tf.Tensor4D | undefined)[] = Array(strideHeight * strideWidth).fill(undefined);
  for (const [index, [row, column]] of placesOf(geometry).entries()) {
    const corner = [-Math.floor(row / strideHeight), -Math.floor(column / strideWidth)] as const;
    const placed = framed(windows[index] as tf.Tensor4D, corner, [gridHeight, gridWidth]);
    const set = (row % strideHeight) * strideWidth + (column % strideWidth);
    const sum = sets[set];
    sets[set] = sum ? tf.add(sum, placed) : placed;
  }
  const zeros = tf.zerosLike(sets[0] as tf.Tensor4D);
  const interleaved = interleave(
    sets.map((set) => set ?? zeros),
    strideHeight,
    strideWidth,
  );
  return framed(interleaved, [padInfo.top, padInfo.left], [inHeight, inWidth]);
}

/** Images [B, H, W, C], one for every row and column of a step, to [B, H * rows, W * columns, C]. */
function interleave(parts: readonly tf.Tensor4D[], rows: number, columns: number): tf.Tensor4D {
  const [first] = parts as [tf.Tensor4D];
  if (parts.length === 1) return first;
  const [batch, height, width, channels] = first.shape;
  const stacked = tf.reshape(tf.stack([...parts], 3), [batch, height, width, rows, columns, channels]);
  return tf.reshape(tf.transpose(stacked, [0, 1, 3, 2, 4, 5]), [batch, height * rows, width * columns, channels]);
}

/** Images [B, H, W, C] to [B, H * rows, W * columns, C], with zeros between the elements. */
export function spread(image: tf.Tensor4D, rows: number, columns: number): tf.Tensor4D {
  if (rows === 1 && columns === 1) return image;
  const [batch, height, width, channels] = image.shape;
  const apart = tf.pad(tf.reshape(image, [batch, height, 1, width, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, rows - 1],
    [0, 0],
    [0, columns - 1],
    [0, 0],
  ]);
  return tf.reshape(apart, [batch, height * rows, width * columns, channels]);
}
