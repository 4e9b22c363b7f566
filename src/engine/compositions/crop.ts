import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { type Compositions, input } from './composition.ts';

/** Pixels that crops take from images seen as rows [B * H * W, C]. */
export interface Sample {
  /** int32 [N, h, w] */
  readonly row: tf.Tensor;
  /** [N, h, w, 1] */
  readonly weight: tf.Tensor;
}

/** Where along an axis the pixels of crops are, [N, count], given the edges of the boxes as parts of the extent, [N, 1]. */
function positions(start: tf.Tensor, end: tf.Tensor, count: number, extent: number): tf.Tensor {
  if (count === 1) return tf.mul(tf.add(start, end), 0.5 * (extent - 1));
  const steps = tf.mul(tf.range(0, count), (extent - 1) / (count - 1));
  return tf.add(tf.mul(start, extent - 1), tf.mul(tf.sub(end, start), steps));
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
  const isInside = (position: tf.Tensor, extent: number) =>
    tf.logicalAnd(tf.greaterEqual(position, 0), tf.lessEqual(position, extent - 1));
  const inside = tf.cast(tf.logicalAnd(isInside(y, height), isInside(x, width)), 'float32');
  const first = tf.mul(tf.reshape(imageOf, [count, 1, 1]), tf.scalar(height * width, 'int32'));
  const sampleAt = (row: tf.Tensor, column: tf.Tensor, weight: tf.Tensor): Sample => ({
    row: tf.add(first, tf.cast(tf.add(tf.mul(row, width), column), 'int32')),
    weight: tf.expandDims(tf.mul(weight, inside), -1),
  });
  const corners = (position: tf.Tensor, extent: number) => {
    const within = tf.clipByValue(position, 0, extent - 1);
    if (attributes.method === 'nearest')
      return [{ at: tf.floor(tf.add(within, 0.5)), share: tf.onesLike(within) as tf.Tensor }];
    const [low, high] = [tf.floor(within), tf.ceil(within)];
    const share = tf.sub(within, low);
    return [
      { at: low, share: tf.sub(1, share) },
      { at: high, share },
    ];
  };
  const samples = corners(y, height).flatMap((row) =>
    corners(x, width).map((column) => sampleAt(row.at, column.at, tf.mul(row.share, column.share))),
  );
  return { samples, inside: tf.expandDims(inside, -1) };
}

export const crops: Compositions = {
  CropAndResize(inputs, attributes) {
    const image = input<tf.Rank.R4>(inputs, 'image');
    const { samples, inside } = samplesOf(image.shape, input(inputs, 'boxes'), input(inputs, 'boxInd'), attributes);
    const pixels = tf.reshape(tf.cast(image, 'float32'), [-1, image.shape[3]]);
    const crop = tf.addN(samples.map(({ row, weight }) => tf.mul(tf.gather(pixels, tf.cast(row, 'int32')), weight)));
    return tf.add(crop, tf.mul(tf.sub(1, inside), attributes.extrapolationValue as number));
  },
};
