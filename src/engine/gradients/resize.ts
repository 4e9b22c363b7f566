import type * as tf from '@tensorflow/tfjs-core';
import { resized, resizeOf } from '../compositions/resize.ts';
import type { Gradient, Gradients } from './gradient.ts';

/** tfjs' own gradients ignore `halfPixelCenters`, and its CPU backend exchanges height and width. */
const resize = (method: 'bilinear' | 'nearest'): Gradient => ({
  inputs: ['images'],
  by([dy], [images], attributes) {
    const how = resizeOf(method, (images as tf.Tensor).shape, attributes);
    return { images: () => resized(dy as tf.Tensor4D, how, true) };
  },
});

export const resizes: Gradients = {
  ResizeBilinear: resize('bilinear'),
  ResizeNearestNeighbor: resize('nearest'),
};
