import { resumeCommand } from '../coordinator/failure.ts';
import { type ExecuteOptions, executeRun } from '../coordinator/run.ts';
import { showProgress } from '../report/progress.ts';
import { resultTable } from '../report/table.ts';
import { ExitCode } from '../util/errors.ts';

/** Runs a run in the foreground: progress on stderr, the result on stdout, as a table or one JSON document. */
export async function executeAndPrint(
  runDirectory: string,
  options: Omit<ExecuteOptions, 'observe'> & { readonly json?: boolean | undefined },
): Promise<void> {
  const { json, ...execution } = options;
  const outcome = await executeRun(runDirectory, {
    ...execution,
    observe: (record, state) => showProgress(record, state),
  });
  if (outcome.status === 'completed') {
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
  process.exitCode = signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated;
}
