import { ExitCode } from '../util/errors.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Exit status of a command that a signal has stopped. */
export const signalExitCodes = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

export interface SignalWatch {
  /** The first signal that asked to stop. */
  readonly received: StopSignal | undefined;
  dispose(): void;
}

/**
 * Keeps signals from ending the process, and tells of each.
 *
 * @param earlier one that came before, which is told at once
 */
export function watchSignals(onSignal?: (signal: StopSignal) => void, earlier?: StopSignal): SignalWatch {
  let received: StopSignal | undefined;
  const handle = (signal: StopSignal) => {
    received ??= signal;
    onSignal?.(signal);
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  if (earlier !== undefined) handle(earlier);
  return {
    get received() {
      return received;
    },
    dispose() {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}
