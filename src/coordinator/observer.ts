import type { JournalEvent, ProgressMessage } from '../protocol/messages.ts';

/** Who watches a run: told of every event after it is in the journal, and of progress that the journal does not keep. */
export interface RunObserver {
  event(event: JournalEvent): void;
  progress(job: string, message: ProgressMessage): void;
  /** Something for people that is no event of the run. */
  notice(text: string): void;
  /** No more will come. */
  close(): void;
}
