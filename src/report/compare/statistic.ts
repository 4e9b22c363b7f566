/** What several runs measured of the same thing. */
export interface Statistic {
  readonly mean: number;
  /** Sample standard deviation (with n - 1); null for a single value. */
  readonly deviation: number | null;
  /** In the order of the runs. */
  readonly values: readonly number[];
}

/** @param values at least one */
export function statistic(values: readonly number[]): Statistic {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, deviation: null, values };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (n - 1)), values };
}

/** The statistic of what all runs measured; undefined where one did not: its n would be another than the others'. */
export function statisticOfAll(values: readonly (number | undefined)[]): Statistic | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length && known.length > 0 ? statistic(known) : undefined;
}
