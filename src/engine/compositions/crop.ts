import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { type Compositions, input } from './composition.ts';

/** Pixels of an axis that crops take a share of, [N, h, 1] or [N, 1, w] each. */
interface Neighbour {
  readonly pixel: tf.Tensor;
  readonly share: tf.Tensor;
  /** By how much the share grows with the position. */
  readonly slope: -1 | 0 | 1;
}

/** One of the pixels that a pixel of a crop is a weighted sum of. */
export interface Sample {
  /** int32 [N, h, w], in images seen as rows [B * H * W, C] */
  readonly index: tf.Tensor;
  /** [N, h, w, 1], 0 for pixels of the crop beyond the image */
  readonly weight: tf.Tensor;
  /** What the weight grows by with the position in rows and in columns, [N, h, w, 1]. */
  readonly byRow: tf.Tensor;
  readonly byColumn: tf.Tensor;
}

/** How far from the first to the second edge of a box the pixels of a crop are, [count]. */
export function fractionsOf(count: number): tf.Tensor1D {
  return count === 1 ? tf.tensor1d([0.5]) : tf.div(tf.range(0, count), count - 1);
}

/**
 * What every pixel of every crop is a weighted sum of; `inside`, [N, h, w, 1], is 0 for those beyond the image.
 *
 * @param image [B, H, W, C]
 * @param boxes [N, 4]: top, left, bottom and right edge as parts of the extents
 * @param imageOf int32 [N], the image of every box
 */
export function samplesOf(
  image: readonly number[],
  boxes: tf.Tensor,
  imageOf: tf.Tensor,
  attributes: Attributes,
): { samples: readonly Sample[]; inside: tf.Tensor } {
  const [, height, width] = image as [number, number, number];
  const [rows, columns] = attributes.cropSize as [number, number];
  const [top, left, bottom, right] = tf.split(boxes, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const count = boxes.shape[0] as number;
  const y = tf.reshape(positions(top, bottom, rows, height), [count, rows, 1]);
  const x = tf.reshape(positions(left, right, columns, width), [count, 1, columns]);
  const inside = tf.cast(tf.logicalAnd(isInside(y, height), isInside(x, width)), 'float32');
  const first = tf.mul(tf.reshape(imageOf, [count, 1, 1]), tf.scalar(height * width, 'int32'));
  const weighted = (weight: tf.Tensor) => tf.expandDims(tf.mul(weight, inside), -1);
  const samples = neighbours(y, height, attributes).flatMap((row) =>
    neighbours(x, width, attributes).map((column) => ({
      index: tf.add(first, tf.cast(tf.add(tf.mul(row.pixel, width), column.pixel), 'int32')),
      weight: weighted(tf.mul(row.share, column.share)),
      byRow: weighted(tf.mul(column.share, row.slope)),
      byColumn: weighted(tf.mul(row.share, column.slope)),
    })),
  );
  return { samples, inside: tf.expandDims(inside, -1) };
}

/** Where along an axis the pixels of crops are, [N, count], given the edges of the boxes as parts of the extent, [N, 1]. */
function positions(start: tf.Tensor, end: tf.Tensor, count: number, extent: number): tf.Tensor {
  return tf.mul(tf.add(start, tf.mul(tf.sub(end, start), fractionsOf(count))), extent - 1);
}

function isInside(position: tf.Tensor, extent: number): tf.Tensor {
  return tf.logicalAnd(tf.greaterEqual(position, 0), tf.lessEqual(position, extent - 1));
}

function neighbours(position: tf.Tensor, extent: number, { method }: Attributes): Neighbour[] {
  const within = tf.clipByValue(position, 0, extent - 1);
  if (method === 'nearest')
    return [{ pixel: tf.floor(tf.add(within, 0.5)), share: tf.onesLike(within) as tf.Tensor, slope: 0 }];
  const low = tf.floor(within);
  const share = tf.sub(within, low);
  return [
    { pixel: low, share: tf.sub(1, share), slope: -1 },
    { pixel: tf.ceil(within), share, slope: 1 },
  ];
}

export const crops: Compositions = {
  CropAndResize(inputs, attributes) {
    const image = input<tf.Rank.R4>(inputs, 'image');
    const { samples, inside } = samplesOf(image.shape, input(inputs, 'boxes'), input(inputs, 'boxInd'), attributes);
    const pixels = tf.reshape(tf.cast(image, 'float32'), [-1, image.shape[3]]);
    const crop = tf.addN(samples.map(({ index, weight }) => tf.mul(tf.gather(pixels, index), weight)));
    return tf.add(crop, tf.mul(tf.sub(1, inside), attributes.extrapolationValue as number));
  },
};
