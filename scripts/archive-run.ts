/*
 * `npm run archive -- RUN DIRECTORY`: a small copy of a completed run, for `incubate compare` and for people. It has run.json,
 * result.json and the journal without what says nothing of the outcome; no weights, logs or checkpoints, and no paths of the
 * machine that the run was made on.
 */
import { basename, join } from 'node:path';
import { journalPath, readJournal } from '../src/coordinator/journal.ts';
import { loadRunRecord, recordPath } from '../src/coordinator/run-directory.ts';
import { readResultFile } from '../src/coordinator/run-result.ts';
import type { JournalEvent } from '../src/protocol/messages.ts';
import { finalJobOf } from '../src/protocol/plan.ts';
import { writeFileAtomic } from '../src/util/atomic-file.ts';
import { makeDirectory } from '../src/util/make-directory.ts';

/** Events that neither tables nor plots are made of. */
const dropped: readonly JournalEvent['type'][] = [
  'checkpoint',
  'job-state',
  'compiled',
  'warning',
  'loader-started',
  'loader-exited',
];

const [run, directory] = process.argv.slice(2);
if (run === undefined || directory === undefined) throw new Error('usage: npm run archive -- RUN DIRECTORY');

const record = await loadRunRecord(run);
const result = await readResultFile(run);
if (!result) throw new Error(`${run} is not completed`);
const { config, dataset } = record;
const source = basename(config.data.source);
const portable = {
  ...record,
  config: { ...config, data: { ...config.data, source } },
  dataset: { ...dataset, source },
};
const weights = { ...result.weights, path: `jobs/${finalJobOf(record.plan)}/${basename(result.weights.path)}` };

await makeDirectory(directory);
await writeFileAtomic(recordPath(directory), `${JSON.stringify(portable, null, 2)}\n`);
await writeFileAtomic(join(directory, 'result.json'), `${JSON.stringify({ ...result, weights }, null, 2)}\n`);
await writeFileAtomic(journalPath(directory), reduced(readJournal(run).events));

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
