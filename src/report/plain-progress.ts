import type { RunObserver } from '../coordinator/observer.ts';
import { eventText } from './event-text.ts';
import type { Paint, TextStream } from './style.ts';

/** Progress for files, pipes and CI: a line for each event, headed by the time of day. */
export function plainProgress(stream: TextStream, paint: Paint): RunObserver {
  const write = (text: string, time = new Date()) => {
    stream.write(`${paint('dim', time.toTimeString().slice(0, 8))}  ${text}\n`);
  };
  return {
    event(event) {
      const text = eventText(event, paint);
      if (text !== undefined) write(text, new Date(event.time));
    },
    progress() {},
    notice: (text) => write(text),
    close() {},
  };
}
