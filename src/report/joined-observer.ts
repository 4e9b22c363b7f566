import type { RunObserver } from '../coordinator/observer.ts';

/** Tells several observers, in this order, what one is told. */
export function joinObservers(...observers: readonly RunObserver[]): RunObserver {
  return {
    event: (event) => {
      for (const observer of observers) observer.event(event);
    },
    progress: (job, message) => {
      for (const observer of observers) observer.progress(job, message);
    },
    notice: (text) => {
      for (const observer of observers) observer.notice(text);
    },
    close: () => {
      for (const observer of observers) observer.close();
    },
  };
}
