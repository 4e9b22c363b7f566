import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { LiveFault, LiveFaultKind } from './schedule.ts';

/** Who can be struck: the coordinator, and the workers and the loader that its journal says are running. */
export interface Targets {
  readonly coordinator: number;
  readonly workers: readonly number[];
  readonly loader: number | undefined;
  /** Starts another coordinator on the run and returns its exit status and standard error. */
  rival(): Promise<{ readonly exitCode: number | undefined; readonly stderr: string }>;
  readonly alive: () => boolean;
}

/** Exit statuses with which a session may end after a fault, beside 0; 'SIGKILL' where that ends it. */
const consequences: Readonly<Record<LiveFaultKind, readonly (number | string)[]>> = {
  'kill-worker': [],
  'crash-worker': [],
  'abort-worker': [],
  'terminate-worker': [],
  'pause-worker': [],
  'stall-worker': [],
  // Other jobs that fail otherwise meanwhile make it a failure of the training.
  'fill-worker-disk': [4, 1],
  'fail-worker-fsync': [4, 1],
  'kill-coordinator': ['SIGKILL'],
  // By the signal itself where it comes before the session has begun, which a shell reports alike.
  'interrupt-coordinator': [130, 'SIGINT'],
  'terminate-coordinator': [143, 'SIGTERM'],
  'pause-coordinator': [],
  // Its workers inherit the limit.
  'fill-coordinator-disk': [4, 1],
  'rival-coordinator': [],
  // Jobs do without it.
  'kill-loader': [],
  'pause-loader': [],
  'stall-loader': [],
};

export function consequencesOf(faults: readonly LiveFaultKind[]): readonly (number | string)[] {
  return faults.flatMap((kind) => consequences[kind]);
}

/** Faults that make an attempt fail, so that retries may be exhausted after many. */
export function failsAttempts(kind: LiveFaultKind): boolean {
  return kind.endsWith('-worker') || kind.startsWith('f');
}

/** Carries out a fault. Returns what must not be, or undefined; 'missed' where there was nobody to strike. */
export async function strike({ kind, choice }: LiveFault, targets: Targets): Promise<string | 'missed' | undefined> {
  const { coordinator, workers, loader } = targets;
  const worker = workers[Math.floor(choice * workers.length)];
  const about = kind.includes('worker') ? worker : kind.includes('loader') ? loader : coordinator;
  if (about === undefined) return 'missed';
  try {
    switch (kind) {
      case 'kill-worker':
      case 'kill-coordinator':
      case 'kill-loader':
        process.kill(about, 'SIGKILL');
        break;
      case 'crash-worker':
        process.kill(about, 'SIGSEGV');
        break;
      case 'abort-worker':
        process.kill(about, 'SIGABRT');
        break;
      case 'terminate-worker':
      case 'terminate-coordinator':
        process.kill(about, 'SIGTERM');
        break;
      case 'interrupt-coordinator':
        process.kill(about, 'SIGINT');
        break;
      case 'stall-worker':
      case 'stall-loader':
        process.kill(about, 'SIGSTOP');
        break;
      case 'pause-worker':
      case 'pause-coordinator':
      case 'pause-loader':
        process.kill(about, 'SIGSTOP');
        await delay(200 + 1500 * choice);
        process.kill(about, 'SIGCONT');
        break;
      case 'fill-worker-disk':
      case 'fill-coordinator-disk':
        // No file may grow beyond so many bytes, which within a write is as good as a full disk.
        await execa('prlimit', ['--pid', `${about}`, `--fsize=${Math.floor(choice * 12_000)}`]);
        break;
      case 'fail-worker-fsync':
        // Ends with the process that it is attached to.
        execa('strace', ['-f', '-qq', '-o', '/dev/null', '-p', `${about}`, '-e', 'inject=fsync:error=EIO'], {
          reject: false,
          stdio: 'ignore',
        }).catch(() => {});
        break;
      case 'rival-coordinator': {
        const { exitCode, stderr } = await targets.rival();
        // Where the first has ended meanwhile, the second may have carried on.
        if (!targets.alive()) break;
        if (exitCode !== 5) return `a second coordinator ends with ${exitCode}: ${stderr}`;
        if (!stderr.includes(`process ${coordinator} on `))
          return `a second coordinator is not told the first: ${stderr}`;
      }
    }
  } catch {
    return 'missed';
  }
  return undefined;
}
