import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { acquireLock, lockHolder } from '../../../src/coordinator/lock.ts';
import { identityOf } from '../../../src/coordinator/process-identity.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';
import { thorough } from '../../support/faults.ts';

const program = fileURLToPath(new URL('../../fixtures/lock.mjs', import.meta.url));

const contender = (directory: string, ...flags: string[]) =>
  execa('node', [program, directory, ...flags], { reject: false, stdin: 'pipe' });

/** Starts contenders together, waits until each has said how it went, and lets the winners go. */
async function race(directory: string, count: number): Promise<string[]> {
  const contenders = Array.from({ length: count }, () => contender(directory));
  const said = await Promise.all(contenders.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()));
  for (const process of contenders) process.stdin.end();
  await Promise.all(contenders);
  return said;
}

const owner = (changes: object) => ({
  ...identityOf(process.pid),
  since: '2024-01-01T00:00:00.000Z',
  released: false,
  ...changes,
});

function directoryOwnedBy(changes: object): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'lock'));
  writeFileSync(join(directory, 'lock', '1'), JSON.stringify(owner(changes)));
  return directory;
}

describe('processes that start together', () => {
  const rounds = thorough ? 10 : 2;

  test('exactly one gets a fresh lock, again and again', async () => {
    const directory = temporaryDirectory();
    for (let round = 0; round < rounds; round++) {
      const said = await race(directory, 5);
      expect(said.filter((line) => line === 'held')).toHaveLength(1);
      expect(said.filter((line) => line.includes('LOCKED'))).toHaveLength(4);
    }
    expect(readdirSync(join(directory, 'lock'))).toEqual([String(rounds)]);
  });

  test('exactly one takes over from a dead owner', async () => {
    for (let round = 0; round < rounds; round++) {
      const directory = temporaryDirectory();
      const dying = contender(directory, '--die');
      dying.stdin.end();
      await dying;
      const said = await race(directory, 5);
      expect(said.filter((line) => line === 'held')).toHaveLength(1);
    }
  });
});

describe('a lock is taken over', () => {
  test.each([
    ['its PID is free', { pid: 4_194_000 }],
    ['its PID now is another process', { pid: process.pid, start: '1' }],
    ['its machine was rebooted', { boot: 'another' }],
    ['it was released', { released: true }],
  ])('when %s', async (_, changes) => {
    const directory = directoryOwnedBy(changes);
    expect(await lockHolder(directory)).toBeUndefined();
    const lock = await acquireLock(directory);
    expect(await lockHolder(directory)).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(await lockHolder(directory)).toBeUndefined();
  });
});

describe('a lock is respected', () => {
  test.each([
    ['the owner lives', {}, hostname()],
    ['the owner is on another machine', { host: 'elsewhere', pid: 4_194_000 }, 'elsewhere'],
    ['the owner is in another container', { namespace: 'pid:[1]', pid: 4_194_000 }, hostname()],
  ])('when %s', async (_, changes, host) => {
    const directory = directoryOwnedBy(changes);
    const { pid } = owner(changes);
    await expect(acquireLock(directory)).rejects.toMatchObject({
      code: 'LOCKED',
      exitCode: 5,
      message: expect.stringContaining(`process ${pid} on ${host}`),
    });
    expect(readFileSync(join(directory, 'lock', '1'), 'utf8')).toContain('2024-01-01');
  });

  test.each(['', '{"pid": "x"}'])('when it cannot be read: %j', async (content) => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'lock'));
    writeFileSync(join(directory, 'lock', '7'), content);
    await expect(acquireLock(directory)).rejects.toMatchObject({ code: 'LOCKED' });
  });
});
