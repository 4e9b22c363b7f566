import type { CoordinatorMessage, WorkerMessage } from '../protocol/messages.ts';
import { ExitCode } from '../util/errors.ts';

/** A worker's side of the channel to its coordinator. */
export interface Channel {
  /** Sends a message; waits until it is handed over only where the caller awaits it. */
  send(message: WorkerMessage): Promise<void>;
  /** Whether the coordinator asked the worker to save and stop, by a message or by SIGTERM. */
  stopRequested(): boolean;
}

/**
 * Opens the IPC channel that the executor created. A worker that was started by hand has none: it runs all the same
 * and its messages go nowhere.
 *
 * When the coordinator dies, the channel closes and the worker ends at once: nothing may write to the run directory
 * behind the back of the coordinator that resumes the run.
 */
export function openChannel(onStop: () => void = () => {}): Channel {
  let stopping = false;
  const stop = () => {
    stopping = true;
    onStop();
  };
  process.on('SIGTERM', stop);
  // Ctrl-C reaches the whole foreground group; what it means is the coordinator's decision.
  process.on('SIGINT', () => {});
  if (process.send) {
    process.on('message', (message: CoordinatorMessage) => {
      if (message.type === 'stop') stop();
    });
    process.on('disconnect', () => process.exit(ExitCode.retryable));
  }
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (!process.send || !process.connected) resolve();
        else process.send(message, undefined, undefined, () => resolve());
      }),
    stopRequested: () => stopping,
  };
}
