import type { Value } from '../graph.ts';
import { check, type Kernels, like, noFlops, shaped } from './kernel.ts';

/** Kernels of ours, which `ops.ts` records where tfjs would need several. */
export const fused: Kernels = {
  /** The first input, computed no earlier than the others. */
  IncubateAfter: { inputs: 'list', infer: ([x]) => [like(x as Value)], flops: noFlops },
  IncubateGelu: { ...shaped('x', (x) => like(x)), elementwise: true },
  /** (x, gain, bias) to (y, mean, 1 / deviation), the statistics over the last axis and with extent 1 there. */
  IncubateLayerNorm: {
    inputs: ['x', 'gain', 'bias'],
    infer([x, gain, bias]) {
      const { dtype, shape } = x as Value;
      const fits = (vector?: Value) => vector?.shape.length === 1 && vector.shape[0] === shape.at(-1);
      check(fits(gain) && fits(bias), 'gain and bias must be as long as the last axis');
      const statistics = { dtype, shape: [...shape.slice(0, -1), 1] };
      return [{ dtype, shape }, statistics, statistics];
    },
  },
};
