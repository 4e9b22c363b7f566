import * as tf from '@tensorflow/tfjs-core';
import { type Geometry, poolingOf } from '../kernels/geometry.ts';
import { type Gradients, runKernel } from './gradient.ts';

export const pooling: Gradients = {
  /** tfjs divides by the size of the window where the average was one of the places inside the image only. */
  AvgPool: {
    inputs: ['x'],
    by([dy], saved, attributes) {
      const [x] = saved as [tf.Tensor];
      const geometry = poolingOf(x.shape, attributes);
      const { filterHeight, filterWidth, outHeight, outWidth } = geometry;
      const factors = countsOf(geometry).map((count) => (filterHeight * filterWidth) / count);
      const isInside = factors.every((factor) => factor === 1);
      const scaled = isInside ? dy : tf.mul(dy, tf.tensor4d(factors, [1, outHeight, outWidth, 1]));
      return { x: () => runKernel('AvgPoolGrad', { dy: scaled, input: x }, attributes) };
    },
  },
};

/** How many places of the window are inside the image, for every position of the window. */
function countsOf(geometry: Geometry): number[] {
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth } = geometry;
  const along = (positions: number, stride: number, pad: number, window: number, extent: number) =>
    Array.from({ length: positions }, (_, position) => {
      const start = position * stride - pad;
      return Math.min(extent, start + window) - Math.max(0, start);
    });
  const rows = along(geometry.outHeight, strideHeight, padInfo.top, filterHeight, inHeight);
  const columns = along(geometry.outWidth, strideWidth, padInfo.left, filterWidth, inWidth);
  return rows.flatMap((row) => columns.map((column) => row * column));
}
