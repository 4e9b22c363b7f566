import * as tf from '@tensorflow/tfjs-core';
import { type Compositions, input } from './composition.ts';

export const mirrors: Compositions = {
  /** Along each axis, a selection of its elements. */
  MirrorPad(inputs, attributes) {
    const { paddings, mode } = attributes as { paddings: [number, number][]; mode: 'reflect' | 'symmetric' };
    // A reflection leaves out the edge, which symmetry repeats.
    const edge = mode === 'reflect' ? 1 : 0;
    return paddings.reduce(
      (x, [before, after], axis) => {
        if (before + after === 0) return x;
        const extent = x.shape[axis] as number;
        const sources = Array.from({ length: before + extent + after }, (_, index) => {
          const source = index - before;
          if (source < 0) return edge - 1 - source;
          return source < extent ? source : 2 * extent - 1 - edge - source;
        });
        return tf.gather(x, tf.tensor1d(sources, 'int32'), axis);
      },
      input(inputs, 'x'),
    );
  },
};
