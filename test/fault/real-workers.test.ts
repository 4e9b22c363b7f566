import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { journalViolations } from '../../scripts/soak/invariants.ts';
import { processesOf, survivorsOf } from '../../scripts/soak/processes.ts';
import { startCli } from '../../scripts/soak/session.ts';
import { findCheckpoint } from '../../src/checkpoint/directory.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { readJobResult } from '../../src/protocol/job-result.ts';
import { callNumbers, hasStrace, hasUnshare, straced, thorough } from '../support/faults.ts';
import { untilEvent } from '../support/run.ts';
import { createTinyRun, runWorkerByHand, tinyRuns } from '../support/tiny-run.ts';

const runs = tinyRuns();
const jobs = ['meta', 'module-0', 'module-1', 'finetune'];
/** SHA-256 of the weights of every job that nothing befell. */
const expected = new Map<string, string>();
let prepared: string;
beforeAll(async () => {
  prepared = await createTinyRun(runs, 'prepared');
  for (const job of jobs) {
    expect((await runWorkerByHand(prepared, job)).exitCode).toBe(0);
    expected.set(job, (await readJobResult(prepared, job)).weights.sha256);
  }
});
afterAll(() => runs.remove());

/** A run in which everything that a job needs is done. */
async function readyFor(job: string, name: string): Promise<string> {
  const runDirectory = await createTinyRun(runs, name);
  for (const done of jobs.slice(0, jobs.indexOf(job))) {
    for (const file of ['result.json', 'weights.safetensors']) {
      await execa('cp', [join(prepared, 'jobs', done, file), join(runDirectory, 'jobs', done, file)]);
    }
  }
  return runDirectory;
}

const pidOf = (event: Record<string, unknown>) => event.pid as number;
const finalWeights = (stdout: unknown) => JSON.parse(String(stdout)).weights.sha256;

describe.skipIf(!hasStrace())('a real worker whose first, second, … call goes wrong, started again each time', () => {
  const faults = [
    ['meta', 'fsync', 'signal=SIGKILL'],
    ['finetune', 'rename', 'signal=SIGKILL'],
    ['finetune', 'fsync', 'error=EIO'],
  ] as const;
  it.each(thorough ? faults : faults.slice(-1))(
    '%s: %s, %s: ends with the same weights',
    async (job, call, injection) => {
      const runDirectory = await readyFor(job, `${job}-${call}-${injection}`);
      const root = join(runDirectory, 'jobs', job, 'checkpoints');
      let failures = 0;
      let newest = 0;
      for (const number of callNumbers(100, thorough)) {
        const ended = await runWorkerByHand(runDirectory, job, straced(call, injection, number));
        const { checkpoint, rejected } = await findCheckpoint(root);
        expect(rejected).toEqual([]);
        expect(checkpoint?.step ?? 0).toBeGreaterThanOrEqual(newest);
        newest = checkpoint?.step ?? 0;
        if (ended.exitCode === 0) break;
        failures += 1;
        if (injection === 'error=EIO') {
          expect(ended.exitCode).toBe(4);
          expect(ended.output).toMatch(/ENVIRONMENT_WRITE|cannot write .*EIO/);
        } else expect(ended.signal).toBe('SIGKILL');
      }
      expect(failures).toBeGreaterThanOrEqual(2);
      expect((await readJobResult(runDirectory, job)).weights.sha256).toBe(expected.get(job));
    },
  );
});

describe('incubate train with real workers', () => {
  it('survives every kind of end of its workers, and tells them apart', async () => {
    const runDirectory = runs.runDirectory('struck');
    const child = startCli(runs.trainArguments('struck', '--json'));
    const strike = async (job: string, attempt: number, signal: NodeJS.Signals) => {
      const started = await untilEvent(
        runDirectory,
        (event) => event.type === 'job-started' && event.job === job && event.attempt === attempt,
      );
      await untilEvent(
        runDirectory,
        (event) =>
          event.job === job && event.attempt === attempt && (event.type === 'checkpoint' || event.type === 'job-state'),
      );
      process.kill(pidOf(started), signal);
    };
    await strike('meta', 1, 'SIGSEGV');
    await Promise.all([strike('module-0', 1, 'SIGABRT'), strike('module-1', 1, 'SIGTERM')]);
    await strike('finetune', 1, 'SIGKILL');
    await strike('finetune', 2, 'SIGKILL');
    const { exitCode, stdout } = await child;
    expect(exitCode).toBe(0);
    expect(finalWeights(stdout)).toBe(expected.get('finetune'));
    const { events } = readJournal(runDirectory);
    expect(journalViolations(events, { record: await loadRunRecord(runDirectory) })).toEqual([]);
    const reasons = events.flatMap((event) => (event.type === 'job-failed' ? [[event.job, event.error.code]] : []));
    expect(reasons.sort()).toEqual([
      ['finetune', 'TRAINING_KILLED'],
      ['finetune', 'TRAINING_KILLED'],
      ['meta', 'TRAINING_CRASHED'],
      ['module-0', 'TRAINING_CRASHED'],
      ['module-1', 'RETRY_STOPPED'],
    ]);
  });

  it.runIf(thorough)('killed with -9 leaves no process, and resume ends with the same weights', async () => {
    const runDirectory = runs.runDirectory('orphaned');
    const child = startCli(runs.trainArguments('orphaned'));
    await untilEvent(runDirectory, (event) => event.type === 'checkpoint' && event.job === 'module-1');
    const leaders = new Set(readJournal(runDirectory).events.flatMap((event) => ('pid' in event ? event.pid : [])));
    expect(processesOf(runDirectory, leaders).length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await child;
    expect(await survivorsOf(runDirectory, leaders)).toEqual([]);
    const { stdout } = await startCli(['resume', runDirectory, '--json']);
    expect(finalWeights(stdout)).toBe(expected.get('finetune'));
  });
});

describe.skipIf(!hasUnshare())('incubate train on a disk that is full', () => {
  it('ends with status 4 and the cause; with space again, resume ends with the same weights', async () => {
    const script = `
      disk=$1; shift
      mount -t tmpfs -o size=4m tmpfs "$disk"
      mkdir "$disk/runs"; head -c 3700000 /dev/zero > "$disk/other"
      "$@" 2> "$disk/../stderr.txt"; echo "status $?"
      rm "$disk/other"
      "$1" "$2" resume "$disk/runs/full" --json`;
    const disk = join(runs.folder, 'disk');
    await execa('mkdir', [disk]);
    const launcher = join(import.meta.dirname, '../../bin/incubate.js');
    const args = runs.trainArguments('full').with(4, join(disk, 'runs'));
    const { stdout } = await execa('unshare', [
      '-rm',
      'bash',
      '-c',
      script,
      'bash',
      disk,
      process.execPath,
      launcher,
      ...args,
    ]);
    const { stdout: stderr } = await execa('cat', [join(runs.folder, 'stderr.txt')]);
    expect(stdout).toMatch(/^status 4\n/);
    expect(stderr).toMatch(/error: .*ENOSPC/);
    expect(stderr).toContain('Free some disk space, then resume the run.');
    expect(finalWeights(stdout.slice(stdout.indexOf('{')))).toBe(expected.get('finetune'));
  });
});
