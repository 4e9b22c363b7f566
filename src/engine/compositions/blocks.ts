import * as tf from '@tensorflow/tfjs-core';
import { check } from '../kernels/kernel.ts';
import { type Compositions, input } from './composition.ts';

/** Kernels that exchange blocks of pixels with the batch or with channels. */
export const blocks: Compositions = {
  /** Blocks of the axes after the first become images of the batch: [B, H, W, …] to [h * w * B, H / h, W / w, …]. */
  SpaceToBatchND(inputs, attributes) {
    const x = input(inputs, 'x');
    const { blockShape, paddings } = attributes as { blockShape: number[]; paddings: [number, number][] };
    const rest = x.shape.slice(blockShape.length + 1);
    const padded = tf.pad(x, [[0, 0], ...paddings, ...rest.map((): [number, number] => [0, 0])]);
    const [batch, ...extents] = padded.shape.slice(0, blockShape.length + 1) as [number, ...number[]];
    const counts = blockShape.map((block, axis) => (extents[axis] as number) / block);
    check(counts.every(Number.isInteger), `[${extents}] is no multiple of the blocks [${blockShape}]`);
    const split = tf.reshape(padded, [batch, ...blockShape.flatMap((b, axis) => [counts[axis] as number, b]), ...rest]);
    const blocksFirst = [...blockShape.map((_, axis) => 2 * axis + 2), 0, ...blockShape.map((_, axis) => 2 * axis + 1)];
    const tail = rest.map((_, axis) => 2 * blockShape.length + 1 + axis);
    const product = blockShape.reduce((size, block) => size * block, batch);
    return tf.reshape(tf.transpose(split, [...blocksFirst, ...tail]), [product, ...counts, ...rest]);
  },
  /** The inverse of SpaceToBatchND, cropped. */
  BatchToSpaceND(inputs, attributes) {
    const x = input(inputs, 'x');
    const { blockShape, crops } = attributes as { blockShape: number[]; crops: [number, number][] };
    const axes = blockShape.length;
    const batch = (x.shape[0] as number) / blockShape.reduce((size, block) => size * block, 1);
    check(Number.isInteger(batch), `a batch of ${x.shape[0]} is no multiple of the blocks [${blockShape}]`);
    const counts = x.shape.slice(1, axes + 1);
    const rest = x.shape.slice(axes + 1);
    const split = tf.reshape(x, [...blockShape, batch, ...counts, ...rest]);
    const woven = blockShape.flatMap((_, axis) => [axes + 1 + axis, axis]);
    const moved = tf.transpose(split, [axes, ...woven, ...rest.map((_, axis) => 2 * axes + 1 + axis)]);
    const extents = counts.map((count, axis) => count * (blockShape[axis] as number));
    const sizes = extents.map((extent, axis) => extent - (crops[axis] as number[]).reduce((a, b) => a + b));
    return tf.slice(
      tf.reshape(moved, [batch, ...extents, ...rest]),
      [0, ...crops.map(([before]) => before), ...rest.map(() => 0)],
      [batch, ...sizes, ...rest],
    );
  },
  /** [B, H, W, b * b * C] to [B, H * b, W * b, C]. */
  DepthToSpace(inputs, attributes) {
    const { blockSize, dataFormat } = attributes as { blockSize: number; dataFormat: string };
    check(dataFormat === 'NHWC', 'images must be [batch, height, width, channels]');
    const [batch, height, width, depth] = input<tf.Rank.R4>(inputs, 'x').shape;
    const channels = depth / blockSize ** 2;
    const split = tf.reshape(input(inputs, 'x'), [batch, height, width, blockSize, blockSize, channels]);
    const woven = tf.transpose(split, [0, 1, 3, 2, 4, 5]);
    return tf.reshape(woven, [batch, height * blockSize, width * blockSize, channels]);
  },
};
