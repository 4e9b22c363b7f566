import { createLogUpdate } from 'log-update';
import type { Sight } from '../coordinator/watch.ts';
import type { RunRecord } from '../protocol/run.ts';
import { plainProgress } from './plain-progress.ts';
import { statusTable } from './status-table.ts';
import { isLive, paintFor, type TextStream } from './style.ts';

/** Shows a run as it is seen again and again. */
export interface WatchView {
  show(sight: Sight): void;
  close(): void;
}

/** On a terminal the table of `status`, drawn anew when it changes; elsewhere that table once, then a line per event. */
export function watchView(
  record: RunRecord,
  stream: TextStream = process.stdout,
  environment: NodeJS.ProcessEnv = process.env,
): WatchView {
  return isLive(stream, environment) ? redrawn(record, stream) : lines(record, stream, environment);
}

function redrawn(record: RunRecord, stream: TextStream): WatchView {
  const log = createLogUpdate(stream);
  return {
    // log-update writes nothing where nothing has changed.
    show: ({ state, holder }) => log(fitted(statusTable(record, state, holder), stream)),
    close: () => log.done(),
  };
}

/** What is higher than the terminal cannot be drawn over; what is wider would be folded. */
function fitted(text: string, { columns = 80, rows = 24 }: TextStream): string {
  const all = text.trimEnd().split('\n');
  const kept = all.length < rows ? all : [...all.slice(0, rows - 2), `… ${all.length - rows + 2} lines more`];
  return kept.map((line) => line.slice(0, columns - 1)).join('\n');
}

function lines(record: RunRecord, stream: TextStream, environment: NodeJS.ProcessEnv): WatchView {
  const paint = paintFor(stream, environment);
  const progress = plainProgress(stream, paint);
  let last: string | undefined;
  return {
    show({ state, holder, fresh, ended }) {
      const table = statusTable(record, state, holder);
      if (last === undefined) stream.write(table);
      else for (const event of fresh) progress.event(event);
      last ??= table;
      if (ended && table !== last) stream.write(`\n${table}`);
    },
    close() {},
  };
}
