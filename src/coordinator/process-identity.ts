import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells one process from every other, across reboots and reused PIDs. Null where the system does not say. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Identifies the boot of the machine. */
  readonly boot: string | null;
  /** Clock ticks after boot at which the process started. */
  readonly start: string | null;
  /** PID namespace: PIDs of another container say nothing about ours. */
  readonly namespace: string | null;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, host: hostname(), boot: bootId(), start: processStatus(pid)?.start ?? null, namespace: pidNamespace() };
}

/** A short form of the identity for the journal; undefined where it could not tell processes apart. */
export function processTag(pid: number): string | undefined {
  const { boot, start, namespace } = identityOf(pid);
  return boot === null || start === null ? undefined : `${boot}/${namespace ?? ''}/${start}`;
}

/** Whether the process that was given this tag still runs. */
export function isRunning(pid: number, tag: string): boolean {
  return processTag(pid) === tag && processStatus(pid)?.zombie === false;
}

/** Whether a signal (SIGSTOP, Ctrl-Z) or a debugger holds the process. */
export function isSuspended(pid: number): boolean {
  return processStatus(pid)?.suspended === true;
}

/**
 * Whether the process provably no longer runs: its machine was rebooted, or its PID is free, a zombie's or another
 * process'. Of other machines and other containers nothing can be proven.
 */
export function isProvenDead(owner: ProcessIdentity): boolean {
  if (owner.host !== hostname()) return false;
  const boot = bootId();
  if (owner.boot !== null && boot !== null && owner.boot !== boot) return true;
  if (owner.namespace !== pidNamespace()) return false;
  if (!pidExists(owner.pid)) return true;
  const status = processStatus(owner.pid);
  if (!status) return false;
  return status.zombie || (owner.start !== null && owner.start !== status.start);
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

interface ProcessStatus {
  readonly start: string;
  readonly zombie: boolean;
  readonly suspended: boolean;
}

function processStatus(pid: number): ProcessStatus | undefined {
  const stat = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === null) return undefined;
  // The second field, the program's name, may hold spaces and parentheses; the state is the third field, the start the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  if (start === undefined) return undefined;
  return { start, zombie: state === 'Z' || state === 'X', suspended: state === 'T' || state === 't' };
}

function bootId(): string | null {
  return readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
}

function pidNamespace(): string | null {
  return readOrNull(() => readlinkSync('/proc/self/ns/pid'));
}

function readOrNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
