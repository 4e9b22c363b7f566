import { withChanges } from '../../coordinator/config-changes.ts';
import { readJournal } from '../../coordinator/journal.ts';
import { lockHolder } from '../../coordinator/lock.ts';
import { type RunState, replay } from '../../coordinator/replay.ts';
import { loadRunRecord } from '../../coordinator/run-directory.ts';
import { readResultFile } from '../../coordinator/run-result.ts';
import type { JournalEvent } from '../../protocol/messages.ts';
import type { RunRecord, RunResult } from '../../protocol/run.ts';
import { IncubateError } from '../../util/errors.ts';
import { type RunStatus, runStatus } from '../status-table.ts';

/** A run as it is compared: what it was told, what happened and what came out. */
export interface ComparedRun {
  readonly directory: string;
  /** With the settings as they stand. */
  readonly record: RunRecord;
  readonly status: RunStatus;
  readonly state: RunState;
  readonly events: readonly JournalEvent[];
  /** Of a run that is completed. */
  readonly result?: RunResult;
}

/**
 * Reads a run or an archived one, which has no weights. Takes no lock.
 *
 * Throws USAGE_RUN where there is none, RUN_FORMAT and RUN_JOURNAL where its files are damaged, RUN_RESULT where it is
 * completed and its result is missing.
 */
export async function readComparedRun(directory: string): Promise<ComparedRun> {
  const created = await loadRunRecord(directory);
  const { events } = readJournal(directory);
  const state = replay(events, created.plan.jobs);
  const record = { ...created, config: withChanges(created.config, state.changes) };
  const status = runStatus(state, await lockHolder(directory));
  if (!state.completed) return { directory, record, status, state, events };
  const result = await readResultFile(directory);
  if (result) return { directory, record, status: 'completed', state, events, result };
  throw new IncubateError('RUN_RESULT', `${directory} is completed, but its result.json is missing`, {
    hint: 'Restore the file from a backup; where the weights are still there, `incubate resume` writes it again.',
  });
}
