import type { RunObserver } from '../coordinator/observer.ts';
import type { RunState } from '../coordinator/replay.ts';
import type { RunRecord } from '../protocol/run.ts';
import { dataFigure } from './figures.ts';
import { liveProgress } from './live-progress.ts';
import { plainProgress } from './plain-progress.ts';
import { isLive, paintFor, type TextStream } from './style.ts';

/** Shows a run's progress on a stream, in the way that suits it: lines rewritten on a terminal, plain lines elsewhere. */
export function showProgress(
  record: RunRecord,
  state: RunState,
  stream: TextStream = process.stderr,
  environment: NodeJS.ProcessEnv = process.env,
): RunObserver {
  const paint = paintFor(stream, environment);
  stream.write(`${paint('bold', record.name)}: ${runSummary(record, state)}\n`);
  return isLive(stream, environment) ? liveProgress(stream, paint, state) : plainProgress(stream, paint);
}

function runSummary({ config, plan, dataset }: RunRecord, state: RunState): string {
  const depths = plan.modules.map((module) => module.to - module.from).join('+');
  const devices = plan.leases.map((lease) => lease.id).join(', ');
  const done = [...state.jobs.values()].filter((job) => job.status === 'completed').length;
  const progress = done === 0 ? '' : `; ${done} of ${plan.jobs.length} jobs are done`;
  const modules = plan.modules.length === 1 ? 'one module' : `${plan.modules.length} modules`;
  return `${config.model.name} in ${modules} of ${depths} blocks; ${dataFigure(dataset)}; on ${devices}${progress}`;
}
