import { costInEpochs, longestChain } from '../../coordinator/cost.ts';
import { deviceSeconds } from '../../coordinator/device-time.ts';
import type { JobResult, RunResult } from '../../protocol/run.ts';
import { formatDuration } from '../../util/duration.ts';
import { bytesFigure, scaledFigure } from '../figures.ts';
import { type Measure, measured, measuresOf } from '../measures.ts';
import type { ComparedRun } from './read-run.ts';

/** A number that completed runs are compared by. */
export interface Figure {
  /** Its name in documents. */
  readonly key: string;
  /** Its name in tables for people. */
  readonly title: string;
  readonly format: (value: number) => string;
  readonly of: (run: CompletedRun) => number | undefined;
}

export type CompletedRun = ComparedRun & { readonly result: RunResult };

export function isCompleted(run: ComparedRun): run is CompletedRun {
  return run.result !== undefined;
}

/** What a run cost; docs/comparing.md says how each is measured. */
export const costs = {
  seconds: { key: 'seconds', title: 'time', format: formatDuration, of: ({ result }) => result.seconds },
  deviceHours: {
    key: 'deviceHours',
    title: 'device-hours',
    format: (hours) => (hours < 0.1 ? hours.toPrecision(2) : hours.toFixed(2)),
    of: ({ record, events }) => deviceSeconds(record, events) / 3600,
  },
  flops: {
    key: 'flops',
    title: 'FLOPs',
    format: scaledFigure,
    of: ({ result }) => result.cost.jobs.reduce((sum, { flops }) => sum + flops, 0),
  },
  layerUnits: {
    key: 'layerUnits',
    title: 'layer units',
    format: epochsFigure,
    of: ({ record: { plan, config, dataset } }) => costInEpochs(plan, config, dataset).total,
  },
  criticalPath: {
    key: 'criticalPath',
    title: 'critical path',
    format: epochsFigure,
    of: ({ record: { plan, config, dataset } }) => costInEpochs(plan, config, dataset).criticalPath,
  },
  criticalPathSeconds: {
    key: 'criticalPathSeconds',
    title: 'critical path, time',
    format: formatDuration,
    of: ({ record, result }) =>
      longestChain(record.plan, new Map(result.cost.jobs.map(({ job, seconds }) => [job, seconds]))),
  },
  peakBytes: { key: 'peakBytes', title: 'memory', format: bytesFigure, of: largestWorker },
} as const satisfies Record<string, Figure>;

/** What the evaluations of these runs measure: of the final weights, and of the assembly before fine-tuning. */
export function evaluationFigures(runs: readonly CompletedRun[]): {
  readonly final: readonly Figure[];
  readonly cold: readonly Figure[];
} {
  const [first] = runs;
  const all = first ? measuresOf(first.result.metrics.final) : [];
  return { final: all.map(finalFigure), cold: all.map(coldFigure) };
}

function finalFigure(measure: Measure): Figure {
  return { ...measure, of: ({ result }) => measured(result.metrics.final, measure) };
}

function coldFigure(measure: Measure): Figure {
  return {
    ...measure,
    key: `cold${measure.key.charAt(0).toUpperCase()}${measure.key.slice(1)}`,
    title: `cold ${measure.title}`,
    of: ({ result: { metrics } }) => metrics.cold && measured(metrics.cold, measure),
  };
}

function largestWorker({ state }: CompletedRun): number | undefined {
  const results = [...state.jobs.values()].flatMap(({ result }): JobResult[] => (result ? [result] : []));
  const peaks = results.flatMap(({ peakBytes }) => peakBytes ?? []);
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}

function epochsFigure(epochs: number): string {
  return `${epochs.toFixed(epochs < 10 ? 2 : 1)} ep`;
}
