import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { readJournal } from '../../src/coordinator/journal.ts';
import { identityOf } from '../../src/coordinator/process-identity.ts';
import { attemptPids, createSmallRun } from '../fixtures/run.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';

const program = fileURLToPath(new URL('../fixtures/coordinate.mjs', import.meta.url));
const coordinate = (runDirectory: string) => execa('node', [program, runDirectory], { reject: false });

describe('coordinators that are started together on one run', () => {
  it(`${thorough ? 100 : 2} times: exactly one runs it, the other ends with 5 and is told which`, async () => {
    for (let round = 0; round < (thorough ? 100 : 2); round++) {
      const runDirectory = await createSmallRun({ meta: ['wait'] });
      const both = [coordinate(runDirectory), coordinate(runDirectory)];
      const refused = await Promise.race(both);
      const winner = both.find((child) => child.pid !== undefined && child.exitCode === null);
      expect(refused.exitCode).toBe(5);
      const { code, message } = JSON.parse(refused.stdout);
      expect(code).toBe('LOCKED');
      expect(message).toContain(`process ${winner?.pid} on ${hostname()}`);
      await expect.poll(() => attemptPids(runDirectory, 'meta').length, { timeout: 20_000 }).toBe(1);
      winner?.kill('SIGTERM');
      expect(JSON.parse((await (winner as (typeof both)[0])).stdout)).toMatchObject({ status: 'stopped' });
      const sessions = readJournal(runDirectory).events.filter(({ type }) => type === 'session-started');
      expect(sessions).toHaveLength(1);
    }
  });
});

describe('incubate resume of a run whose lock was left behind', () => {
  let completed: string;
  beforeAll(async () => {
    completed = await createSmallRun();
    expect((await coordinate(completed)).exitCode).toBe(0);
  });

  const resumeWith = (changes: object) => {
    rmSync(join(completed, 'lock'), { recursive: true });
    mkdirSync(join(completed, 'lock'));
    const owner = { ...identityOf(process.pid), since: '2024-01-01T00:00:00.000Z', released: false, ...changes };
    writeFileSync(join(completed, 'lock', '7'), JSON.stringify(owner));
    return runCli(['resume', completed, '--json']);
  };

  it.each([
    ['its PID is that of another process now', { start: '1' }],
    ['it is from before a reboot', { boot: 'another' }],
    ['its process is gone', { pid: 4_194_000 }],
  ])('takes it over when %s', async (_, changes) => {
    const { exitCode, stdout } = await resumeWith(changes);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(completed, 'result.json'), 'utf8')));
  });

  it('ends with 5 when its process lives, naming PID and host', async () => {
    const { exitCode, stdout, stderr } = await resumeWith({});
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });
    expect(stderr).toContain(`process ${process.pid} on ${hostname()}`);
  });
});
