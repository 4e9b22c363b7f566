import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the system tells of itself. */
export interface SystemFiles {
  readonly proc: string;
  readonly cgroups: string;
}

const systemFiles: SystemFiles = { proc: '/proc', cgroups: '/sys/fs/cgroup' };

/**
 * How many processes the system has killed for want of memory so far: in this process' memory cgroup, else on the whole
 * machine. Workers share the cgroup, so a number that has grown over the life of one which was killed says why.
 * Undefined where the system does not count.
 */
export function countOomKills({ proc, cgroups }: SystemFiles = systemFiles): number | undefined {
  const membership = read(join(proc, 'self', 'cgroup')) ?? '';
  const candidates = [
    ...cgroupPaths(membership, /^0::(.*)$/m).map((path) => join(cgroups, path, 'memory.events')),
    ...cgroupPaths(membership, /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m).map((path) =>
      join(cgroups, 'memory', path, 'memory.oom_control'),
    ),
    // Since Linux 4.13.
    join(proc, 'vmstat'),
  ];
  for (const path of candidates) {
    const count = /^oom_kill (\d{1,15})$/m.exec(read(path) ?? '')?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** The path of the cgroup, and the root: within a container the path may be that outside of it. */
function cgroupPaths(membership: string, line: RegExp): string[] {
  const path = line.exec(membership)?.[1];
  return path === undefined ? [] : [path, '/'];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
