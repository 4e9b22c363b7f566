import { basename, join } from 'node:path';
import { journalPath, readJournal } from '../../src/coordinator/journal.ts';
import { loadRunRecord, recordPath } from '../../src/coordinator/run-directory.ts';
import { readResultFile } from '../../src/coordinator/run-result.ts';
import type { JournalEvent } from '../../src/protocol/messages.ts';
import { finalJobOf } from '../../src/protocol/plan.ts';
import type { RunRecord } from '../../src/protocol/run.ts';
import { writeFileAtomic } from '../../src/util/atomic-file.ts';
import { makeDirectory } from '../../src/util/make-directory.ts';

/** Events that neither tables nor plots are made of. */
const dropped: readonly JournalEvent['type'][] = [
  'checkpoint',
  'job-state',
  'compiled',
  'warning',
  'loader-started',
  'loader-exited',
];

/**
 * Makes a small copy of a completed run, for `incubate compare` and for people: run.json, result.json and the journal without
 * what says nothing of the outcome; no weights, logs or checkpoints, and no paths of the machine that the run was made on.
 *
 * @throws where the run is not completed
 */
export async function archiveRun(run: string, directory: string): Promise<void> {
  const record = await loadRunRecord(run);
  const result = await readResultFile(run);
  if (!result) throw new Error(`${run} is not completed`);
  const weights = { ...result.weights, path: `jobs/${finalJobOf(record.plan)}/${basename(result.weights.path)}` };
  await makeDirectory(directory);
  await writeRecord(directory, withSource(record, basename(record.config.data.source)));
  await writeFileAtomic(join(directory, 'result.json'), `${JSON.stringify({ ...result, weights }, null, 2)}\n`);
  await writeFileAtomic(journalPath(directory), reduced(readJournal(run).events));
}

/**
 * Puts an archived run where runs are kept, as a run on the data set at the path `source`. `sweep` then takes it for completed;
 * as it has no weights, `eval` and `resume` can do nothing with it.
 */
export async function restoreRun(archived: string, run: string, source: string): Promise<void> {
  const record = await loadRunRecord(archived);
  const result = await readResultFile(archived);
  await makeDirectory(run);
  await writeFileAtomic(join(run, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFileAtomic(journalPath(run), reduced(readJournal(archived).events));
  // Last, as it is what makes the directory a run.
  await writeRecord(run, withSource(record, source));
}

function withSource(record: RunRecord, source: string): RunRecord {
  const { config, dataset } = record;
  return { ...record, config: { ...config, data: { ...config.data, source } }, dataset: { ...dataset, source } };
}

function writeRecord(directory: string, record: RunRecord): Promise<void> {
  return writeFileAtomic(recordPath(directory), `${JSON.stringify(record, null, 2)}\n`);
}

/** The events that count, numbered anew, and those that end a killed session, which say how long it was. */
function reduced(events: readonly JournalEvent[]): string {
  const kept = events.filter(({ type }, index) => {
    const next = events[index + 1]?.type;
    return !dropped.includes(type) || next === 'session-started' || next === 'journal-recovered';
  });
  return kept.map((event, index) => `${JSON.stringify({ ...withoutLog(event), seq: index + 1 })}\n`).join('');
}

function withoutLog(event: JournalEvent): JournalEvent {
  if (event.type !== 'job-failed') return event;
  const { logTail: _, ...rest } = event;
  return rest;
}
