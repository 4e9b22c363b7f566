import type { SweepPoint } from '../config/sweep.ts';
import { costInEpochs } from '../coordinator/cost.ts';
import type { SweepEnd, SweepRun } from '../coordinator/sweep.ts';
import { runStatus } from '../report/status-table.ts';
import { alignTable } from '../report/table.ts';

export type SweepDocument = ReturnType<typeof plannedDocument> | ReturnType<typeof sweepDocument>;

/** What `sweep --dry-run --json` prints: runs that are there with their status, others as new. */
export function plannedDocument(runs: readonly SweepRun[], points: readonly SweepPoint[]) {
  return {
    status: 'planned' as const,
    runs: runs.map((run, index) => ({ ...described(run, points[index]), status: statusBefore(run) })),
  };
}

/** What `sweep --json` prints. */
export function sweepDocument({ runs, signal }: SweepEnd, points: readonly SweepPoint[]) {
  const failed = runs.some(({ status }) => status === 'failed');
  return {
    status: signal !== undefined ? ('stopped' as const) : failed ? ('failed' as const) : ('completed' as const),
    ...(signal === undefined ? {} : { signal }),
    runs: runs.map((run, index) => ({
      ...described(run, points[index]),
      status: run.status === 'pending' ? statusBefore(run) : run.status,
      ...(run.status === 'failed' ? { error: run.error } : {}),
    })),
  };
}

/** Runs, what they are and what they cost, for people. */
export function sweepText({ runs }: SweepDocument): string {
  const epochs = (value: number) => value.toFixed(1);
  const rows = runs.map(({ run, status, layerUnits, criticalPath }) => [
    run,
    status,
    epochs(layerUnits),
    epochs(criticalPath),
  ]);
  const legend = 'Layer units and the critical path in them are in epochs of end-to-end training on the same data.';
  return `${alignTable([['run', 'status', 'layer units', 'critical path'], ...rows])}\n\n${legend}\n`;
}

function described({ name, directory, config, plan, dataset }: SweepRun, point: SweepPoint | undefined) {
  const { total, criticalPath } = costInEpochs(plan, config, dataset);
  const settings = Object.fromEntries((point?.assignments ?? []).map(({ key, value }) => [key, value]));
  return { run: name, directory, settings, layerUnits: total, criticalPath };
}

/** A lock says more than the journal, but whoever holds it may have let go a moment later. */
function statusBefore({ state }: SweepRun) {
  return state ? runStatus(state, undefined) : ('new' as const);
}
