import type { Value } from '../graph.ts';
import { check, type Kernels, like, noFlops } from './kernel.ts';

/** Kernels that find elements, or take and put them by coordinates [..., depth]. */
export const indexing: Kernels = {
  GatherNd: {
    inputs: ['params', 'indices'],
    infer([params, indices]) {
      const { dtype, shape } = params as Value;
      const coordinates = (indices as Value).shape;
      const depth = coordinates.at(-1) as number;
      check(depth <= shape.length, `coordinates of ${depth} numbers in a tensor of ${shape.length} axes`);
      return [{ dtype, shape: [...coordinates.slice(0, -1), ...shape.slice(depth)] }];
    },
    flops: noFlops,
  },
  TensorScatterUpdate: {
    inputs: ['tensor', 'indices', 'updates'],
    infer: ([tensor]) => [like(tensor as Value)],
    flops: noFlops,
  },
  /** The largest elements of the last axis and where they are; among equals the first. */
  TopK: {
    inputs: ['x'],
    infer([x], { k }) {
      const { dtype, shape } = x as Value;
      const found = [...shape.slice(0, -1), k as number];
      check((k as number) <= (shape.at(-1) ?? 0), `has fewer than ${k} elements`);
      return [
        { dtype, shape: found },
        { dtype: 'int32', shape: found },
      ];
    },
  },
  /** Indices of boxes [N, 4] by falling score, without those that overlap better ones, and how many they are. */
  NonMaxSuppressionV4: {
    inputs: ['boxes', 'scores'],
    infer(_, { maxOutputSize, padToMaxOutputSize }) {
      check(
        padToMaxOutputSize === true,
        'how many boxes are left depends on the data: pad the result (padToMaxOutputSize)',
      );
      return [
        { dtype: 'int32', shape: [maxOutputSize as number] },
        { dtype: 'int32', shape: [] },
      ];
    },
  },
};
