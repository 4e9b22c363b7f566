import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { planRemoval, type Removal, removeFromRun, removeRemains } from '../coordinator/removal.ts';
import { listRuns } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';
import { bytesFigure } from '../report/figures.ts';
import { alignTable } from '../report/table.ts';
import { IncubateError } from '../util/errors.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

type CleanOptions = RunOptions & { readonly all?: boolean; readonly yes?: boolean; readonly dryRun?: boolean };

/** What `clean --json` prints. */
export interface CleanDocument {
  /** Whether something was removed, or only would be. */
  readonly removed: boolean;
  readonly runs: readonly { readonly run: string; readonly what: Removal['what']; readonly bytes: number }[];
  readonly bytes: number;
}

/** `incubate clean`: gives back the disk space of runs. Removes nothing that was not confirmed. */
export function cleanCommand(): Command {
  const command = new Command('clean')
    .description(
      'remove the checkpoints of completed runs, of all of them where none is named; weights, results, journals and logs stay. Without --yes it asks on a terminal, and elsewhere only says what it would remove',
    )
    .argument('[runs...]', 'names or paths of runs')
    .option('--all', 'remove the runs as a whole; of those that are not complete, only named ones')
    .addOption(new Option('-y, --yes', 'remove without asking').conflicts('dryRun'))
    .option('--dry-run', 'say what would be removed, and ask nothing');
  return addRunOptions(command, 'print one JSON document, and ask nothing').action(clean);
}

async function clean(runs: readonly string[], options: CleanOptions): Promise<void> {
  const { runsDir, json } = options;
  const what = options.all ? 'run' : 'checkpoints';
  const directories = [...new Set(runs.map((run) => resolveRun(run, runsDir)))];
  // All of them are checked before anything is removed.
  const planned = runs.length > 0 ? await planNamed(directories, what) : await planCompleted(runsDir, what);
  const removals = planned.filter(({ directories: found }) => found.length > 0);
  const agreed = options.yes === true || (removals.length > 0 && (await confirm(removals, options)));
  const done: Removal[] = [];
  if (agreed) {
    for (const { runDirectory } of removals) done.push(await removeFromRun(runDirectory, what));
    if (runs.length === 0) await removeRemains(runsDir);
  }
  const document = cleanDocument(agreed ? done : removals, agreed);
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : cleanText(document));
}

async function planNamed(directories: readonly string[], what: Removal['what']): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const directory of directories) removals.push(await planRemoval(directory, what));
  return removals;
}

/** The completed runs that nobody works on; the others are passed over. */
async function planCompleted(runsDirectory: string, what: Removal['what']): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const name of await listRuns(runsDirectory)) {
    const directory = join(runsDirectory, name);
    try {
      await planRemoval(directory, 'checkpoints');
      removals.push(await planRemoval(directory, what));
    } catch (error) {
      if (!(error instanceof IncubateError)) throw error;
    }
  }
  return removals;
}

/** Asks whoever sits at a terminal. */
async function confirm(removals: readonly Removal[], { dryRun, json }: CleanOptions): Promise<boolean> {
  const { stdin, stderr } = process;
  if (dryRun || json || !stdin.isTTY || !stderr.isTTY) return false;
  stderr.write(`${table(removals)}\n\n`);
  stderr.write('Remove this? [y/N] ');
  const lines = createInterface({ input: stdin, terminal: false });
  // The end of input is a no.
  const [answer = ''] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  lines.close();
  return /^y(es)?$/i.test(String(answer).trim());
}

function cleanDocument(removals: readonly Removal[], removed: boolean): CleanDocument {
  return {
    removed,
    runs: removals.map(({ run, what, bytes }) => ({ run, what, bytes })),
    bytes: removals.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function cleanText({ removed, runs, bytes }: CleanDocument): string {
  if (runs.length === 0) return 'there is nothing to remove\n';
  const total = `${bytesFigure(bytes)} (${bytes} bytes)`;
  const end = removed ? `${total} removed` : `${total} would be removed; --yes removes them`;
  return `${table(runs)}\n\n${end}\n`;
}

function table(runs: CleanDocument['runs']): string {
  const rows = runs.map(({ run, what, bytes }) => [run, what === 'run' ? 'the whole run' : what, bytesFigure(bytes)]);
  return alignTable([['run', 'what', 'size'], ...rows]);
}
