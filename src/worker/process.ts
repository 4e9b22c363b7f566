import { ExitCode, IncubateError, serializeError } from '../util/errors.ts';
import type { Channel } from './channel.ts';
import { runJob } from './job.ts';
import type { Pulse } from './pulse.ts';

/** The life of a worker process: runs the job of a spec file, reports how it ended and exits with a status that says so. */
export async function runWorker(specPath: string | undefined, channel: Channel, pulse: Pulse): Promise<never> {
  try {
    if (specPath === undefined) throw new IncubateError('USAGE', 'a worker takes the path of its spec.json');
    const ending = await runJob(specPath, channel, pulse);
    if ('result' in ending) {
      await channel.send({ type: 'completed', result: ending.result });
      process.exit(ExitCode.ok);
    }
    await channel.send({ type: 'stopped', step: ending.stoppedAt });
    process.exit(ExitCode.retryable);
  } catch (error) {
    // The worker's standard error is the job's log.
    console.error(error);
    const serialized = serializeError(error);
    await channel.send({ type: 'failed', error: serialized });
    process.exit(serialized.exitCode);
  }
}
