import { readFileSync } from 'node:fs';

/** Largest resident set of this process so far, bytes. */
export function peakBytes(): number {
  return 1024 * (highWaterMark() ?? process.resourceUsage().maxRSS);
}

/** KiB, where Linux says it: its `getrusage` also counts the process that this one was forked from. */
function highWaterMark(): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes);
  } catch {
    return undefined;
  }
}
