import { spawnSync } from 'node:child_process';

/** Whether all faults and cases are tried, as `npm run test:fault` does, or some of them, as `npm test` does. */
export const thorough = process.env.FAULTS === 'all';

/** Numbers of the calls that are made to fail, one after the other: all of them, or ever fewer. */
export function callNumbers(limit: number, all = true): number[] {
  const numbers: number[] = [];
  for (let number = 1; number <= limit; number += thorough && all ? 1 : number) numbers.push(number);
  return numbers;
}

/** Tells on standard error which tests are skipped for want of a tool, and whether it is there. */
export function isThere(what: string, command: readonly [string, ...string[]]): boolean {
  const [program, ...args] = command;
  const works = spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
  if (!works) process.stderr.write(`${what} cannot be used here: the tests that need it are skipped\n`);
  return works;
}

export const hasStrace = () => isThere('strace', ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=fsync', 'true']);

/** Namespaces of one's own, in which anybody may mount. */
export const hasUnshare = () => isThere('unshare', ['unshare', '-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);

/** How a call of the system is made to go wrong: by an error, or by killing the process that makes it. */
export type Injection = 'error=EIO' | 'error=ENOSPC' | 'signal=SIGKILL';

/**
 * A command under strace whose `number`th call of the system goes wrong, `number+` for that and all after it. Calls are
 * counted by thread; the one pool thread that files are written from is all that is left by UV_THREADPOOL_SIZE=1.
 */
export function straced(call: string, injection: Injection, number: number | string, follow = true): readonly string[] {
  return [
    'strace',
    ...(follow ? ['-f'] : []),
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${injection}:when=${number}`,
  ];
}
