import { resumeCommand } from '../coordinator/failure.ts';
import { type ExecuteOptions, executeRun } from '../coordinator/run.ts';
import { signalExitCodes } from '../coordinator/signals.ts';
import { streamEvents } from '../report/event-stream.ts';
import { joinObservers } from '../report/joined-observer.ts';
import { showProgress } from '../report/progress.ts';
import { resultTable } from '../report/table.ts';

export interface OutputOptions {
  /** The result as one JSON document in place of a table. */
  readonly json?: boolean | undefined;
  /** The run's events in place of its result. */
  readonly events?: boolean | undefined;
}

/**
 * Runs a run in the foreground: progress on stderr, and on stdout the result, as a table or one JSON document, or else
 * the events as they come.
 */
export async function executeAndPrint(
  runDirectory: string,
  options: Omit<ExecuteOptions, 'observe'> & OutputOptions,
): Promise<void> {
  const { json, events, ...execution } = options;
  const stream = events ? streamEvents(process.stdout) : undefined;
  const outcome = await executeRun(runDirectory, {
    ...execution,
    observe: (record, state) => {
      const progress = showProgress(record, state);
      stream?.catchUp(runDirectory);
      return stream ? joinObservers(progress, stream) : progress;
    },
  });
  // Of a run that was complete there was nothing to observe.
  stream?.catchUp(runDirectory);
  if (outcome.status === 'completed') {
    if (stream) return;
    process.stdout.write(json ? `${JSON.stringify(outcome.result, null, 2)}\n` : resultTable(outcome.result));
    return;
  }
  const { record } = outcome;
  if (outcome.status === 'partial') {
    const { remaining } = outcome;
    process.stderr.write(`Not done yet: ${remaining.join(', ')}. Continue with: ${resumeCommand(runDirectory)}\n`);
    if (json) process.stdout.write(`${JSON.stringify({ status: 'partial', run: record.name, remaining }, null, 2)}\n`);
    return;
  }
  const { signal } = outcome;
  process.stderr.write(`Stopped by ${signal}. Continue with: ${resumeCommand(runDirectory)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ status: 'stopped', run: record.name, signal }, null, 2)}\n`);
  process.exitCode = signalExitCodes[signal];
}
