import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCheckpoint, saveCheckpoint } from '../../src/checkpoint/directory.ts';
import { callNumbers, hasStrace, hasUnshare, type Injection, straced } from '../support/faults.ts';

const program = fileURLToPath(new URL('../fixtures/save.mjs', import.meta.url));
const node = [process.execPath, program];

let folder: string;
/** Checkpoints of the steps 1 and 2. */
let before: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'incubate checkpoint steps '));
  before = join(folder, 'before');
  for (const step of [1, 2]) await save(before, step);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function save(root: string, step: number, under: readonly string[] = []) {
  const [command = '', ...args] = [...under, ...node, root, String(step)];
  const { exitCode, signal, stdout } = await execa(command, args, {
    reject: false,
    env: { UV_THREADPOOL_SIZE: '1' },
  });
  return { exitCode, signal, stdout };
}

function copy(name: string): string {
  const root = join(folder, name);
  rmSync(root, { recursive: true, force: true });
  cpSync(before, root, { recursive: true });
  return root;
}

/** What is there is whole, the step before is not lost, and saving works again and clears up. */
async function expectIntact(root: string, steps: readonly number[]) {
  const { checkpoint, rejected } = await findCheckpoint(root);
  expect(rejected).toEqual([]);
  expect(steps).toContain(checkpoint?.step);
  await saveCheckpoint(root, 4, { 'weights.bin': Uint8Array.of(4) }, 2);
  expect(readdirSync(root)).toHaveLength(2);
  expect((await findCheckpoint(root)).checkpoint?.step).toBe(4);
}

/** Lets the first, second, … call go wrong until a save has no failure; returns how often it went wrong. */
async function untilNothingFails(call: string, injection: Injection, step: number, steps: readonly number[]) {
  let failures = 0;
  for (const number of callNumbers(5000, call !== 'write')) {
    const root = copy('struck');
    const ended = await save(root, step, straced(call, injection, number));
    if (ended.exitCode === 0) return failures;
    failures += 1;
    if (injection === 'signal=SIGKILL') expect(ended.signal).toBe('SIGKILL');
    else {
      expect(ended.exitCode).toBe(4);
      const cause = injection.slice('error='.length);
      expect(JSON.parse(ended.stdout)).toMatchObject({
        code: 'ENVIRONMENT_WRITE',
        message: expect.stringMatching(new RegExp(`cannot write .*step-0000000${step}: ${cause}`)),
      });
      if (injection === 'error=ENOSPC') expect(JSON.parse(ended.stdout).hint).toMatch(/^Free some disk space/);
      expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
    }
    await expectIntact(root, steps);
  }
  throw new Error('every save failed');
}

describe.skipIf(!hasStrace())('saving a checkpoint that is killed', () => {
  it.each([
    ['fsync', 3],
    ['rename', 1],
    ['mkdir', 1],
    ['unlink', 1],
    ['rmdir', 1],
    ['write', 2],
  ])('at its first, second, … %s leaves the old one or the new one', async (call, atLeast) => {
    expect(await untilNothingFails(call, 'signal=SIGKILL', 3, [2, 3])).toBeGreaterThanOrEqual(atLeast);
  });

  it('at its first, second, … rename over the same step leaves that or the one before', async () => {
    expect(await untilNothingFails('rename', 'signal=SIGKILL', 2, [1, 2])).toBe(2);
  });
});

describe.skipIf(!hasStrace())('saving a checkpoint fails with the cause, and the old one is intact', () => {
  it.each([
    ['fsync', 'error=EIO', 3],
    ['rename', 'error=EIO', 1],
    ['mkdir', 'error=ENOSPC', 1],
  ] as const)('%s: %s', async (call, injection, atLeast) => {
    expect(await untilNothingFails(call, injection, 3, [2, 3])).toBeGreaterThanOrEqual(atLeast);
  });

  it('rename over the same step: EIO', async () => {
    expect(await untilNothingFails('rename', 'error=EIO', 2, [2])).toBe(2);
  });
});

describe('without space', () => {
  it.skipIf(!hasUnshare())(
    'on a disk of 60 kB the old checkpoint stays, and there is room after a file went',
    async () => {
      const after = join(folder, 'after');
      const script = `
      set -e
      disk=$1 after=$2; shift 2
      mount -t tmpfs -o size=60k tmpfs "$disk"
      "$@" "$disk/root" 1
      head -c 20000 /dev/zero > "$disk/other"
      "$@" "$disk/root" 2 && exit 99 || echo "status $?"
      cp -r "$disk/root" "$after"
      rm "$disk/other"
      "$@" "$disk/root" 2
      ls "$disk/root"`;
      const disk = mkdtempSync(join(folder, 'disk '));
      const { stdout } = await execa('unshare', ['-rm', 'bash', '-c', script, 'bash', disk, after, ...node]);
      const [error, status, ...names] = stdout.split('\n');
      expect(JSON.parse(error as string)).toMatchObject({
        code: 'ENVIRONMENT_WRITE',
        message: expect.stringContaining('ENOSPC'),
        hint: 'Free some disk space, then resume the run.',
      });
      expect(status).toBe('status 4');
      expect((await findCheckpoint(after)).checkpoint?.step).toBe(1);
      expect(readdirSync(after)).toEqual(['step-00000001']);
      expect(names).toEqual(['step-00000001', 'step-00000002']);
    },
  );

  it('where files may not grow (ulimit -f) the old checkpoint stays', async () => {
    const root = copy('limited');
    const { exitCode, stdout } = await save(root, 3, ['bash', '-c', 'ulimit -f 10; exec "$@"', 'bash']);
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout).message).toMatch(/EFBIG/);
    await expectIntact(root, [2]);
  });

  it.skipIf(!hasUnshare())('on a disk that is read-only the message says so', async () => {
    const root = copy('read-only');
    const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && root=$1 && shift && exec "$@" "$root" 3';
    const { exitCode, stdout } = await execa('unshare', ['-rm', 'bash', '-c', script, 'bash', root, ...node], {
      reject: false,
    });
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      message: expect.stringContaining('EROFS'),
      hint: 'Check that the directory is writable.',
    });
    expect(existsSync(join(root, 'step-00000003'))).toBe(false);
    await expectIntact(root, [2]);
  });
});
