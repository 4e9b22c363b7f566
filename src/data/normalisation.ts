import type { RunConfig } from '../config/schema.ts';

/** Mean and standard deviation of ImageNet's channels, in [0, 1]. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** How image bytes become the network's input: less `mean`, by `std`, per channel. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export function normalisationOf({ data, model }: Pick<RunConfig, 'data' | 'model'>): Normalisation {
  const perChannel = (values: readonly number[]) =>
    model.channels === values.length ? values : [values.reduce((sum, value) => sum + value, 0) / values.length];
  return { mean: data.mean ?? perChannel(imageNet.mean), std: data.std ?? perChannel(imageNet.std) };
}
