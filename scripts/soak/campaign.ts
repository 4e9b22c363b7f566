import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findCheckpoint } from '../../src/checkpoint/directory.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import type { JournalEvent } from '../../src/protocol/messages.ts';
import { sha256OfFile } from '../../src/util/file-hash.ts';
import { type CheckpointDamage, damageCheckpoint, flipBit, tearJournal } from './damage.ts';
import { journalViolations } from './invariants.ts';
import { processesOf, survivorsOf } from './processes.ts';
import { TINY_STEPS, tinyTrainingJobs } from './recipe.ts';
import { loaderRemains } from './remains.ts';
import type { RestFault, SessionFaults } from './schedule.ts';
import { checkpointsOf, eventsOf, runSession } from './session.ts';
import { consequencesOf, failsAttempts } from './strike.ts';

export interface CampaignReport {
  /** Kinds of the faults that struck. */
  readonly struck: readonly string[];
  readonly sessions: number;
  /** Processes that outlived their coordinator for longer than they may. */
  readonly survivors: number;
  /** Results that were journalled and then were not there, or were other ones. */
  readonly lost: number;
  /** What must not be, one sentence each. */
  readonly violations: readonly string[];
}

export interface CampaignOptions {
  readonly runDirectory: string;
  /** Arguments of `incubate` that begin the run. */
  readonly train: readonly string[];
  /** SHA-256 of the weights that an uninterrupted run ends with. */
  readonly expected: string;
}

/** Further sessions without faults within which a run must end: one that finds what the last fault left, and one more. */
const CLEAN_SESSIONS = 3;

/** Carries a run through all sessions of a schedule and then to its end, and looks at every promise after each. */
export async function runCampaign(
  schedule: readonly SessionFaults[],
  { runDirectory, train, expected }: CampaignOptions,
): Promise<CampaignReport> {
  const violations: string[] = [];
  const struck: string[] = [];
  const leaders = new Set<number>();
  const damaged = new Set<string>();
  const repeatable = new Set<string>();
  let slots: readonly string[] = [];
  let sessions = 0;
  let survivors = 0;
  let history: readonly JournalEvent[] = [];

  /** Returns whether the run has ended. */
  const session = async ({ live, rest }: SessionFaults): Promise<boolean> => {
    sessions += 1;
    const args = history.length === 0 ? train : ['resume', runDirectory, ...slots];
    const report = await runSession(runDirectory, args, live);
    const { ending } = report;
    struck.push(...report.struck.map(({ kind }) => kind));
    violations.push(...report.violations);
    const allowed = [0, ...consequencesOf(report.struck.map(({ kind }) => kind))];
    if (struck.some((kind) => failsAttempts(kind as never))) allowed.push(1);
    if (!allowed.includes(ending))
      violations.push(`session ${sessions} ends with ${ending}: ${report.stderr.slice(-600)}`);

    const events = eventsOf(runDirectory);
    for (const event of events)
      if (event.type === 'job-started' || event.type === 'loader-started') leaders.add(event.pid);
    const left = await survivorsOf(runDirectory, leaders);
    survivors += left.length;
    violations.push(...left.map(({ pid, command }) => `process ${pid} survives session ${sessions}: ${command}`));
    violations.push(...lostEvents(history, events));
    history = events;
    violations.push(...(await lostCheckpoints(runDirectory, events, damaged)));
    if (ending === 0) return true;
    for (const fault of rest) {
      const found = await damage(runDirectory, fault);
      if (found === undefined) continue;
      struck.push(fault.kind);
      if (fault.kind === 'change-slots') slots = ['--set', `devices.slots=${found}`, '--force'];
      else if (fault.kind === 'flip-weights') for (const job of dependentsOf(found)) repeatable.add(job);
      else damaged.add(found);
    }
    return false;
  };

  let ended = false;
  const clean = Array.from({ length: CLEAN_SESSIONS }, () => ({ live: [], rest: [] }));
  for (const faults of [...schedule, ...clean]) ended ||= await session(faults);
  if (!ended) violations.push('the run does not end');

  const record = await loadRunRecord(runDirectory);
  violations.push(...journalViolations(history, { record, repeatable }));
  const lost = await lostResults(runDirectory, history, expected);
  violations.push(...lost);
  violations.push(...(await keptFiles(runDirectory, damaged)));
  violations.push(...loaderRemains(runDirectory).map((name) => `a loader has left ${name}`));
  const held = processesOf(runDirectory, leaders);
  survivors += held.length;
  violations.push(...held.map(({ pid, command }) => `process ${pid} survives the run: ${command}`));
  return { struck, sessions, survivors, lost: lost.length, violations };
}

/** What was in the journal stays there as it was. */
function lostEvents(before: readonly JournalEvent[], after: readonly JournalEvent[]): string[] {
  const lost = before.find((event, index) => JSON.stringify(event) !== JSON.stringify(after[index]));
  return lost ? [`event ${lost.seq} (${lost.type}) is no longer in the journal`] : [];
}

/** A checkpoint that the journal tells of is there, intact, or a later one is. */
async function lostCheckpoints(
  runDirectory: string,
  events: readonly JournalEvent[],
  damaged: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const job of tinyTrainingJobs) {
    if (damaged.has(job)) continue;
    const told = Math.max(
      0,
      ...events.flatMap((event) => (event.type === 'checkpoint' && event.job === job ? event.step : [])),
    );
    const { checkpoint, rejected } = await findCheckpoint(checkpointsOf(runDirectory, job));
    if ((checkpoint?.step ?? 0) < told)
      found.push(`checkpoint ${told} of ${job} is lost; there is ${checkpoint?.step}`);
    for (const { directory, reason } of rejected) found.push(`${directory} is damaged: ${reason}`);
  }
  return found;
}

async function lostResults(runDirectory: string, events: readonly JournalEvent[], expected: string): Promise<string[]> {
  const told = events.findLast((event) => event.type === 'run-completed');
  if (told?.type !== 'run-completed') return ['the journal tells of no end'];
  if (told.weights !== expected) return [`the weights are ${told.weights} instead of ${expected}`];
  const result = JSON.parse(readFileSync(join(runDirectory, 'result.json'), 'utf8')) as {
    weights: { sha256: string; path: string };
  };
  const actual = await sha256OfFile(result.weights.path);
  return result.weights.sha256 === expected && actual === expected
    ? []
    : [`${result.weights.path} is ${actual} instead of ${expected}`];
}

/** The last checkpoint of every job is whole, and nothing half-written is left. */
async function keptFiles(runDirectory: string, damaged: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = [];
  for (const job of tinyTrainingJobs) {
    const { checkpoint } = await findCheckpoint(checkpointsOf(runDirectory, job));
    // One that was damaged after the job had ended is of no use any more.
    if (checkpoint?.step !== TINY_STEPS && !damaged.has(job))
      found.push(`the newest checkpoint of ${job} is ${checkpoint?.step}`);
  }
  const names = readdirSync(join(runDirectory, 'jobs'), { recursive: true }).map(String);
  found.push(...names.filter((name) => /\.tmp$|\/\.step-/.test(name)).map((name) => `${name} is left`));
  return found;
}

/** Damages the files of a run; returns the job or the number of slots, undefined where there was nothing to damage. */
async function damage(runDirectory: string, { kind, job, choice }: RestFault): Promise<string | undefined> {
  const name = tinyTrainingJobs[Math.floor(job * tinyTrainingJobs.length)] as string;
  if (kind === 'change-slots') return String(1 + Math.floor(choice * 3));
  if (kind === 'tear-journal') {
    await tearJournal(join(runDirectory, 'journal.ndjson'), choice);
    return 'journal';
  }
  if (kind === 'flip-weights') {
    const directory = join(runDirectory, 'jobs', name);
    const there = (await readdir(directory).catch((): string[] => [])).includes('weights.safetensors');
    if (!there) return undefined;
    await flipBit(join(directory, 'weights.safetensors'), choice);
    return name;
  }
  const how = kind.split('-')[0] as CheckpointDamage;
  const path = await damageCheckpoint(checkpointsOf(runDirectory, name), how, choice);
  return path === undefined ? undefined : name;
}

/** A job whose weights were damaged is repeated, and so may be what was made of them. */
function dependentsOf(job: string): string[] {
  const all = [...tinyTrainingJobs, 'evaluate'];
  return job === 'finetune' ? ['finetune', 'evaluate'] : job === 'meta' ? all : [job, 'finetune', 'evaluate'];
}
