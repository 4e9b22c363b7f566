import type { RunConfig } from '../config/schema.ts';
import type { EngineState } from '../engine/program.ts';
import { float32, type HostTensor, type HostTensors } from '../util/tensor.ts';
import { flatten, type Layout, unflatten } from './layout.ts';
import { initialLossScaling, lossScalingOf, lossScalingSpecs } from './loss-scaling.ts';
import { type NetworkLayouts, parameterState } from './network-layouts.ts';
import type { Progress } from './progress.ts';

/** All that a training needs to go on as if it had never been interrupted; tensors by name. */
export interface TrainingState {
  readonly parameters: HostTensors;
  /** Running statistics of the trained parts; empty where the network has none. */
  readonly statistics: HostTensors;
  readonly m: HostTensors;
  readonly v: HostTensors;
  /** Loss scaling, where the precision takes it. */
  readonly scaling: HostTensors;
  readonly progress: Progress;
}

/** What a training starts from. */
export interface TrainingStart {
  /** All parameters by key, frozen ones included. */
  readonly initial: HostTensors;
  /** A state saved earlier, from which training goes on bit-identically; null: it begins. */
  readonly resumed: TrainingState | null;
}

type Settings = Pick<RunConfig['training'], 'precision' | 'accumulate'>;

/**
 * The engine's state of a training before its first step: parameters, statistics and frozen slices from named tensors;
 * zeros in the optimiser's slots and in what micro-batches add up; loss scaling where the precision takes it.
 *
 * @throws CHECKPOINT_PARAMETER naming the tensor that is missing or misshapen.
 */
export function initialState(layouts: NetworkLayouts, tensors: HostTensors, settings: Settings): HostTensors {
  const zeros = (size: number) => float32(new Float32Array(size));
  const { trained, statistics } = layouts;
  const scaling = lossScalingOf(settings.precision);
  const inParts = settings.accumulate > 1;
  return {
    ...parameterState(layouts, tensors),
    m: zeros(trained.size),
    v: zeros(trained.size),
    ...initialLossScaling(scaling),
    ...(inParts ? { gradient: zeros(trained.size) } : {}),
    ...(inParts && statistics.size > 0 ? { statisticsBefore: zeros(statistics.size) } : {}),
  };
}

/** The engine's state of a training that goes on; `initial` has the frozen slices. Throws as {@link initialState}. */
export function resumedState(
  layouts: NetworkLayouts,
  initial: HostTensors,
  { parameters, statistics, m, v, scaling }: TrainingState,
  settings: Settings,
): HostTensors {
  return {
    ...initialState(layouts, { ...initial, ...parameters, ...statistics }, settings),
    m: flatten(layouts.trained, m),
    v: flatten(layouts.trained, v),
    ...scaling,
  };
}

/** What is kept of an engine's state. */
export async function readTrainingState(
  state: EngineState,
  layouts: NetworkLayouts,
  { precision }: Settings,
): Promise<Omit<TrainingState, 'progress'>> {
  const { trained, statistics } = layouts;
  const named = async (name: string, layout: Layout) =>
    layout.size === 0 ? {} : unflatten(layout, (await state.read([name]))[name] as HostTensor<'float32'>);
  return {
    parameters: await named('parameters', trained),
    statistics: await named('statistics', statistics),
    m: await named('m', trained),
    v: await named('v', trained),
    scaling: lossScalingOf(precision) ? await state.read(Object.keys(lossScalingSpecs)) : {},
  };
}
