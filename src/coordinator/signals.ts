import { ExitCode } from '../util/errors.ts';
import type { Termination } from './termination.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Exit status of a command that a signal has stopped. */
export const signalExitCodes = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;

export interface SignalWatch {
  /** The signal that asked the run to stop first. */
  readonly received: StopSignal | undefined;
  dispose(): void;
}

/** Turns signals into steps on the ladder: the first stops, the second sends SIGTERM to the workers, the third kills. */
export function watchSignals(termination: Termination, onSignal: (signal: StopSignal) => void): SignalWatch {
  let received: StopSignal | undefined;
  const handle = (signal: StopSignal) => {
    received ??= signal;
    onSignal(signal);
    termination.escalate();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
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
