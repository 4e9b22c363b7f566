import * as tf from '@tensorflow/tfjs-core';
import type { Gradients } from './gradient.ts';

/** A range of an axis. */
function part(x: tf.Tensor, axis: number, start: number, length: number): tf.Tensor {
  const sizes = x.shape.map((extent, index) => (index === axis ? length : extent));
  return tf.slice(
    x,
    x.shape.map((_, index) => (index === axis ? start : 0)),
    sizes,
  );
}

/** x with zeros before and after it along an axis. */
function placed(x: tf.Tensor, axis: number, before: number, after: number): tf.Tensor {
  return tf.pad(
    x,
    x.shape.map((_, index): [number, number] => (index === axis ? [before, after] : [0, 0])),
  );
}

export const mirrors: Gradients = {
  /** Mirrored elements add to those that they are images of; tfjs leaves them out. */
  MirrorPad: {
    inputs: ['x'],
    by([dy], [x], attributes) {
      const { paddings, mode } = attributes as { paddings: [number, number][]; mode: 'reflect' | 'symmetric' };
      const edge = mode === 'reflect' ? 1 : 0;
      const fold = (errors: tf.Tensor, [before, after]: [number, number], axis: number) => {
        const extent = (x as tf.Tensor).shape[axis] as number;
        const parts = [part(errors, axis, before, extent)];
        if (before > 0)
          parts.push(placed(tf.reverse(part(errors, axis, 0, before), axis), axis, edge, extent - edge - before));
        if (after > 0) {
          const mirrored = tf.reverse(part(errors, axis, before + extent, after), axis);
          parts.push(placed(mirrored, axis, extent - edge - after, edge));
        }
        return tf.addN(parts);
      };
      return { x: () => paddings.reduce(fold, dy) };
    },
  },
};
