import type { Specs, Tensors } from '../engine/program.ts';
import type { ParameterSpec } from '../models/architecture.ts';
import { type Mode, networkParameters, type StatePart } from '../models/network.ts';
import type { HostTensors } from '../util/tensor.ts';
import { flatten, type Layout, layoutOf, splitParameters } from './layout.ts';

/** The flat vectors that the tensors of some parts lie in: what the optimiser trains, what training batches move, and what stays as it is. */
export interface NetworkLayouts {
  readonly trained: Layout;
  /** Running statistics of the parts in training mode, frozen ones included. */
  readonly statistics: Layout;
  /** What nothing moves: parameters of the frozen parts, and statistics of those in evaluation mode. */
  readonly frozen: Layout;
}

export function layoutsOf(parts: readonly StatePart[]): NetworkLayouts {
  const inMode = (wanted: Mode) => parts.filter(({ mode }) => mode === wanted);
  const trained = networkParameters(inMode('train'), true);
  const frozen = networkParameters(inMode('train'), false);
  const isWeight = ({ statistic }: ParameterSpec) => !statistic;
  const isStatistic = ({ statistic }: ParameterSpec) => statistic === true;
  return {
    trained: layoutOf(trained.filter(isWeight)),
    statistics: layoutOf([...trained, ...frozen].filter(isStatistic)),
    frozen: layoutOf([...frozen.filter(isWeight), ...networkParameters(inMode('eval'), false)]),
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
