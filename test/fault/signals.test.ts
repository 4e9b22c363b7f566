import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { survivorsOf } from '../../scripts/soak/processes.ts';
import { startCli } from '../../scripts/soak/session.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { replay } from '../../src/coordinator/replay.ts';
import { thorough } from '../support/faults.ts';
import { untilEvent } from '../support/run.ts';
import { tinyRuns } from '../support/tiny-run.ts';

const runs = tinyRuns();
afterAll(() => runs.remove());
const launcher = join(import.meta.dirname, '../../bin/incubate.js');

/** The meta model trains for hours, so that a signal always comes in the middle. */
const long = ['--set', 'phases.meta.epochs=100000', '--set', 'checkpoint.everySteps=200'];
const working = (run: string) =>
  untilEvent(runs.runDirectory(run), (event) => event.type === 'compiled' && event.job === 'meta');
const metaOf = (run: string) => replay(readJournal(runs.runDirectory(run)).events).jobs.get('meta');

describe('the real command-line tool', () => {
  const ladders: [NodeJS.Signals[], number][] = [
    [['SIGTERM'], 143],
    [['SIGINT', 'SIGINT'], 130],
    [['SIGINT', 'SIGINT', 'SIGINT'], 130],
    [['SIGTERM', 'SIGINT'], 143],
  ];
  it.each(thorough ? ladders : ladders.slice(0, 1))(
    '%j ends it with %i, and nothing of it is left',
    async (signals, status) => {
      const run = `ladder-${signals.join('-')}`;
      const child = startCli(runs.trainArguments(run, ...long));
      await working(run);
      for (const [index, signal] of signals.entries()) {
        // Signals that come faster than they are handled become one.
        if (index > 0) await new Promise((resolve) => child.stderr?.once('data', resolve));
        process.kill(child.pid as number, signal);
      }
      expect((await child).exitCode).toBe(status);
      expect(await survivorsOf(runs.runDirectory(run), new Set())).toEqual([]);
      expect(metaOf(run)).toMatchObject({ status: 'stopped', failures: 0 });
    },
  );

  it('Ctrl-C of a terminal, which goes to its whole group, ends it with 130 after its worker has saved', async () => {
    const child = execa(process.execPath, [launcher, ...runs.trainArguments('terminal', ...long)], {
      detached: true,
      reject: false,
    });
    await working('terminal');
    process.kill(-(child.pid as number), 'SIGINT');
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('incubate resume');
    const { events } = readJournal(runs.runDirectory('terminal'));
    expect(events.some((event) => event.type === 'checkpoint')).toBe(true);
    expect(metaOf('terminal')).toMatchObject({ status: 'stopped', failures: 0 });
  });

  it('whose reader goes (| head -1) ends with 141, and nothing of it is left', async () => {
    const script = 'set -o pipefail; "$@" 2>&1 | head -1 > /dev/null';
    const args = [process.execPath, launcher, ...runs.trainArguments('piped', ...long)];
    const { exitCode } = await execa('bash', ['-c', script, 'bash', ...args], { reject: false });
    expect(exitCode).toBe(141);
    expect(await survivorsOf(runs.runDirectory('piped'), new Set())).toEqual([]);
  });
});
