import type { Specs, Tensors } from '../engine/program.ts';
import { networkParameters, type StatePart } from '../models/network.ts';
import type { HostTensors } from '../util/tensor.ts';
import { flatten, type Layout, layoutOf, splitParameters } from './layout.ts';

/** The flat vectors that the tensors of some parts lie in: what the optimiser trains, what training batches move, and what stays as it is. */
export interface NetworkLayouts {
  readonly trained: Layout;
  /** Running statistics of the trainable parts. */
  readonly statistics: Layout;
  /** Parameters and statistics of the frozen parts. */
  readonly frozen: Layout;
}

export function layoutsOf(parts: readonly StatePart[]): NetworkLayouts {
  const trainable = networkParameters(parts, true);
  return {
    trained: layoutOf(trainable.filter(({ statistic }) => !statistic)),
    statistics: layoutOf(trainable.filter(({ statistic }) => statistic)),
    frozen: layoutOf(networkParameters(parts, false)),
  };
}

/** The vectors that there are, by their names in the state: those without elements are absent. */
function vectorsOf({ trained, statistics, frozen }: NetworkLayouts): [string, Layout][] {
  return Object.entries({ parameters: trained, statistics, frozen }).filter(([, { size }]) => size > 0);
}

/** State specs of parameters and statistics. */
export function parameterSpecs(layouts: NetworkLayouts): Specs {
  return Object.fromEntries(
    vectorsOf(layouts).map(([name, { size }]) => [name, { dtype: 'float32', shape: [size] } as const]),
  );
}

/** All parameters and statistics by name, split out of the state's flat vectors. */
export function namedParameters(layouts: NetworkLayouts, state: Tensors): Tensors {
  return Object.assign(
    {},
    ...vectorsOf(layouts).map(([name, layout]) => {
      const vector = state[name];
      return vector ? splitParameters(layout, vector) : {};
    }),
  );
}

/** The state of {@link parameterSpecs} from named tensors. Throws CHECKPOINT_PARAMETER as {@link flatten}. */
export function parameterState(layouts: NetworkLayouts, tensors: HostTensors): HostTensors {
  return Object.fromEntries(vectorsOf(layouts).map(([name, layout]) => [name, flatten(layout, tensors)]));
}
