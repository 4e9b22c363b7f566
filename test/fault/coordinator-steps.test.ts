import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { journalViolations } from '../../scripts/soak/invariants.ts';
import { survivorsOf } from '../../scripts/soak/processes.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { createSmallRun } from '../fixtures/run.ts';
import { callNumbers, hasStrace, type Injection, straced, thorough } from '../support/faults.ts';

const program = fileURLToPath(new URL('../fixtures/coordinate.mjs', import.meta.url));

/** Runs a coordinator with workers that answer at once. Only its main thread is traced, which writes the journal. */
async function coordinate(runDirectory: string, under: readonly string[] = []) {
  const [command = '', ...args] = [...under, process.execPath, program, runDirectory];
  const { exitCode, signal, stdout } = await execa(command, args, { reject: false });
  return { exitCode, signal, answer: stdout === '' ? undefined : JSON.parse(stdout) };
}

const resultOf = (runDirectory: string) => {
  const { weights, metrics } = JSON.parse(readFileSync(join(runDirectory, 'result.json'), 'utf8'));
  return { sha256: weights.sha256, metrics };
};

let reference: ReturnType<typeof resultOf>;
beforeAll(async () => {
  const runDirectory = await createSmallRun();
  expect(await coordinate(runDirectory)).toMatchObject({ exitCode: 0 });
  reference = resultOf(runDirectory);
});

async function expectSound(runDirectory: string) {
  expect(await survivorsOf(runDirectory, new Set())).toEqual([]);
  const record = await loadRunRecord(runDirectory);
  expect(journalViolations(readJournal(runDirectory).events, { record })).toEqual([]);
}

/** Has the first, second, … call go wrong in a run of its own, until a run has no failure; then each is resumed. */
async function untilNothingFails(call: string, injection: Injection): Promise<number> {
  let failures = 0;
  for (const number of callNumbers(100)) {
    const runDirectory = await createSmallRun();
    const ended = await coordinate(runDirectory, straced(call, injection, number, false));
    if (ended.exitCode === 0) return failures;
    failures += 1;
    if (injection === 'signal=SIGKILL') expect(ended.signal).toBe('SIGKILL');
    else {
      const cause = injection.slice('error='.length);
      expect(ended).toMatchObject({
        exitCode: 4,
        answer: { code: 'ENVIRONMENT_WRITE', message: expect.stringMatching(new RegExp(`journal\\.ndjson: ${cause}`)) },
      });
    }
    await expectSound(runDirectory);
    expect(await coordinate(runDirectory)).toMatchObject({ exitCode: 0, answer: { status: 'completed' } });
    await expectSound(runDirectory);
    expect(resultOf(runDirectory)).toEqual(reference);
  }
  throw new Error('every run failed');
}

describe.skipIf(!hasStrace())('a coordinator', () => {
  it.each(
    thorough
      ? [
          ['before', 'pwrite64'],
          ['after', 'fdatasync'],
        ]
      : [['after', 'fdatasync']],
  )(
    'that is killed %s an event is written, the first, second, …, leaves nothing, and resume ends alike',
    async (_, call) => {
      expect(await untilNothingFails(call, 'signal=SIGKILL')).toBeGreaterThan(4);
    },
  );

  it.runIf(thorough).each([
    ['fdatasync', 'error=EIO'],
    ['pwrite64', 'error=ENOSPC'],
  ] as const)(
    'that cannot write an event, the first, second, … (%s: %s), ends with the cause, and resume ends alike',
    async (call, injection) => {
      expect(await untilNothingFails(call, injection)).toBeGreaterThan(4);
    },
  );

  it.skipIf(!thorough)('that is killed again and again, an event later each time, ends alike', async () => {
    const runDirectory = await createSmallRun();
    let kills = 0;
    for (let number = 1; number < 60; number += 2) {
      const { exitCode } = await coordinate(runDirectory, straced('fdatasync', 'signal=SIGKILL', number, false));
      await expectSound(runDirectory);
      if (exitCode === 0) break;
      kills += 1;
    }
    expect(kills).toBeGreaterThan(5);
    expect(resultOf(runDirectory)).toEqual(reference);
  });
});
