import { costInEpochs } from '../../coordinator/cost.ts';
import type { JobPlan } from '../../protocol/plan.ts';
import type { Evaluation, RunRecord } from '../../protocol/run.ts';
import type { ComparedRun } from '../compare/read-run.ts';
import { type Measure, measured } from '../measures.ts';

/** How a job did as its costs rose, in layer units relative to an epoch of end-to-end training. */
export interface JobCurve {
  readonly job: string;
  /** What was spent on the jobs that it builds on. */
  readonly begins: number;
  /** At its end, epoch by epoch: mean training loss. */
  readonly losses: readonly { readonly cost: number; readonly value: number }[];
  /** On validation images, from before the first step on where that was evaluated. */
  readonly measured: readonly { readonly cost: number; readonly value: number }[];
}

/** The curves of a run's training jobs, of what their events tell so far; an epoch that was repeated counts once. */
export function jobCurves(run: ComparedRun, measure: Measure): JobCurve[] {
  const { plan, config, dataset } = run.record;
  const { jobs } = costInEpochs(plan, config, dataset);
  return plan.jobs.flatMap((job) => {
    const begins = costBefore(job, run.record, jobs);
    const epochs = new Map<
      number,
      { readonly share: number; readonly loss: number; readonly evaluation?: Evaluation }
    >();
    for (const event of run.events) {
      if (event.type !== 'epoch' || event.job !== job.id) continue;
      const { epoch, epochs: all, loss, evaluation } = event;
      epochs.set(epoch, { share: epoch / all, loss, ...(evaluation && { evaluation }) });
    }
    if (epochs.size === 0) return [];
    const at = (share: number) => begins + share * (jobs.get(job.id) ?? 0);
    const inOrder = [...epochs.entries()].sort(([one], [other]) => one - other).map(([, epoch]) => epoch);
    const { cold } = run.state.jobs.get(job.id) ?? {};
    const evaluations = [
      ...(cold ? [{ share: 0, evaluation: cold }] : []),
      ...inOrder.flatMap(({ share, evaluation }) => (evaluation ? [{ share, evaluation }] : [])),
    ];
    return {
      job: job.id,
      begins,
      losses: inOrder.map(({ share, loss }) => ({ cost: at(share), value: loss })),
      measured: evaluations.map(({ share, evaluation }) => ({
        cost: at(share),
        value: measured(evaluation, measure) ?? Number.NaN,
      })),
    };
  });
}

/** The job that trains the network whose weights are evaluated in the end. */
export function lastTraining({ plan }: RunRecord): string | undefined {
  return plan.jobs.find(({ kind }) => kind === 'evaluate')?.needs[0];
}

function costBefore(job: JobPlan, { plan }: RunRecord, costs: ReadonlyMap<string, number>): number {
  const needed = new Set<string>();
  const collect = ({ needs }: JobPlan): void => {
    for (const need of needs) {
      if (needed.has(need)) continue;
      needed.add(need);
      const found = plan.jobs.find(({ id }) => id === need);
      if (found) collect(found);
    }
  };
  collect(job);
  return [...needed].reduce((sum, id) => sum + (costs.get(id) ?? 0), 0);
}
