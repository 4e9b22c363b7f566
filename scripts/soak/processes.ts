import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface RunningProcess {
  readonly pid: number;
  /** Held by SIGSTOP: it can notice nothing until it is continued or killed. */
  readonly suspended: boolean;
  readonly command: string;
}

/** Processes, zombies left out, whose command line names a path, or that are in the group of one of `leaders`. Linux only. */
export function processesOf(path: string, leaders: ReadonlySet<number> = new Set()): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        if (state === 'Z' || state === 'X') return [];
        if (!command.includes(path) && !leaders.has(Number(group))) return [];
        return [{ pid: Number(name), suspended: state === 'T' || state === 't', command }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** Waits until no process of a run is left but suspended ones, and returns those that are left after `patience` seconds. */
export async function survivorsOf(
  path: string,
  leaders: ReadonlySet<number>,
  patience = 15,
): Promise<RunningProcess[]> {
  const deadline = Date.now() + patience * 1000;
  for (;;) {
    const left = processesOf(path, leaders).filter(({ suspended }) => !suspended);
    if (left.length === 0 || Date.now() > deadline) return left;
    await delay(50);
  }
}
