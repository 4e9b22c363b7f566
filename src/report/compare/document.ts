import type { Comparison } from './comparison.ts';
import type { ComparedRun } from './read-run.ts';

/** What `compare --json` prints. */
export function comparisonDocument({ measure, rows, notes }: Comparison, runs: readonly ComparedRun[]) {
  return {
    measure: measure?.key ?? null,
    rows: rows.map(({ method, model, data, settings, runs: counted, figures, interfaces }) => ({
      method,
      model,
      data,
      settings,
      n: counted.length,
      runs: counted.map(({ record }) => record.name),
      figures,
      ...(interfaces && { interfaces }),
    })),
    runs: runs.map(({ directory, record, status }) => ({
      run: record.name,
      directory,
      status,
      seed: record.config.seed,
    })),
    notes,
  };
}
