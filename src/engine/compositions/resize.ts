import * as tf from '@tensorflow/tfjs-core';
import type { Attributes } from '../graph.ts';
import { type Compositions, input } from './composition.ts';

type Method = 'bilinear' | 'nearest';

/** Rows and columns are resized one after the other. */
interface Resize {
  readonly rows: Interpolation;
  readonly columns: Interpolation;
}

/** For every new pixel of an axis the two old ones that it lies between, and how far it is from the first. */
interface Interpolation {
  readonly extent: number;
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly distance: readonly number[];
}

/** How images [B, H, W, C] are resized by a node with these attributes. */
export function resizeOf(method: Method, image: readonly number[], attributes: Attributes): Resize {
  const [height, width] = attributes.size as [number, number];
  return {
    rows: interpolation(method, image[1] as number, height, attributes),
    columns: interpolation(method, image[2] as number, width, attributes),
  };
}

function interpolation(method: Method, from: number, to: number, attributes: Attributes): Interpolation {
  const { alignCorners, halfPixelCenters } = attributes;
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  const within = (pixel: number) => Math.min(from - 1, Math.max(0, pixel));
  const pixels = Array.from({ length: to }, (_, pixel) => pixel);
  if (method === 'nearest') {
    const nearest = pixels.map((pixel) => {
      const source = scale * (halfPixelCenters ? pixel + 0.5 : pixel);
      return within(alignCorners ? Math.round(source) : Math.floor(source));
    });
    return { extent: from, first: nearest, second: nearest, distance: pixels.map(() => 0) };
  }
  const sources = pixels.map((pixel) => within(halfPixelCenters ? scale * (pixel + 0.5) - 0.5 : scale * pixel));
  return {
    extent: from,
    first: sources.map(Math.floor),
    second: sources.map(Math.ceil),
    distance: sources.map((source) => source - Math.floor(source)),
  };
}

/** An interpolation as a matrix, [out, in]. */
function matrixOf({ extent, first, second, distance }: Interpolation): tf.Tensor2D {
  const matrix = new Float32Array(first.length * extent);
  for (const [pixel, share] of distance.entries()) {
    const row = pixel * extent;
    matrix[row + (first[pixel] as number)] = 1 - share;
    matrix[row + (second[pixel] as number)] = (matrix[row + (second[pixel] as number)] as number) + share;
  }
  return tf.tensor2d(matrix, [first.length, extent]);
}

/**
 * The images resized, or with `adjoint` the gradient by the images of what was resized: products with the matrix of each
 * axis, which need no transposition and share their work among threads, where scattering does not.
 */
export function resized(images: tf.Tensor4D, { rows, columns }: Resize, adjoint: boolean): tf.Tensor {
  const [batch, height, , channels] = images.shape;
  const across = tf.matMul(matrixOf(columns), images, adjoint);
  const width = across.shape[2] as number;
  const down = tf.matMul(matrixOf(rows), tf.reshape(across, [batch, height, width * channels]), adjoint);
  return tf.reshape(down, [batch, down.shape[1] as number, width, channels]);
}

export const resizes: Compositions = {
  ResizeBilinear(inputs, attributes) {
    const images = input<tf.Rank.R4>(inputs, 'images');
    return resized(tf.cast(images, 'float32'), resizeOf('bilinear', images.shape, attributes), false);
  },
  ResizeNearestNeighbor(inputs, attributes) {
    const images = input<tf.Rank.R4>(inputs, 'images');
    const { rows, columns } = resizeOf('nearest', images.shape, attributes);
    const tall = tf.gather(images, tf.tensor1d([...rows.first], 'int32'), 1);
    return tf.gather(tall, tf.tensor1d([...columns.first], 'int32'), 2);
  },
};
