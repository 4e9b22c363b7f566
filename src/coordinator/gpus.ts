import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { z } from 'zod';
import { signalGroup } from '../executors/local.ts';

/** A graphics card as `nvidia-smi` names it; indices follow the PCI bus. */
export interface Gpu {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB: number;
  /** Number of the instance (MIG) that it is of the card `index`. */
  readonly mig?: number;
}

/** The GPUs that were found, or why there are none. */
export interface GpuSurvey {
  readonly gpus: readonly Gpu[];
  readonly reason?: string;
}

/** What is in use on the machine's GPUs. */
export interface GpuUse {
  /** Processes that compute on any of them, as far as this container sees them. */
  readonly pids: readonly number[];
  /** Memory in use by UUID. */
  readonly memoryMiB: ReadonlyMap<string, number>;
}

const surveyTimeout = 5_000;
const fields = 'index,uuid,name,memory.total';

/** Asks `nvidia-smi` for the machine's GPUs. Never throws: a missing, failing or hanging program means none. */
export async function surveyGpus(environment: NodeJS.ProcessEnv = process.env): Promise<GpuSurvey> {
  const answer = await askNvidiaSmi([`--query-gpu=${fields}`, '--format=csv,noheader,nounits'], environment);
  return 'reason' in answer ? none(answer.reason) : parseGpuList(answer.output);
}

/** Asks `nvidia-smi` for the instances (MIG) that cards are divided into. Never throws. */
export async function surveyInstances(environment: NodeJS.ProcessEnv = process.env): Promise<Gpu[]> {
  const answer = await askNvidiaSmi(['-L'], environment);
  return 'reason' in answer ? [] : parseInstanceList(answer.output);
}

/** Reads what `nvidia-smi -L` prints; lines of other things are passed over. */
export function parseInstanceList(text: string): Gpu[] {
  const instances: Gpu[] = [];
  let card: number | undefined;
  for (const line of text.split('\n')) {
    const [, index] = /^GPU (\d{1,4}):/.exec(line) ?? [];
    if (index !== undefined) card = Number(index);
    const [, profile, device, uuid] = /^\s+MIG (\S+)\s+Device\s+(\d{1,4}): \(UUID: (MIG-[\w/-]+)\)/.exec(line) ?? [];
    if (card === undefined || uuid === undefined) continue;
    instances.push({ index: card, uuid, name: `MIG ${profile}`, memoryMiB: 0, mig: Number(device) });
  }
  return instances;
}

/** Asks `nvidia-smi` what is in use. Never throws: null where it does not say. */
export async function surveyGpuUse(environment: NodeJS.ProcessEnv = process.env): Promise<GpuUse | null> {
  const query = (what: string) => askNvidiaSmi([`--query-${what}`, '--format=csv,noheader,nounits'], environment);
  const [processes, memory] = await Promise.all([query('compute-apps=pid'), query('gpu=uuid,memory.used')]);
  if ('reason' in processes || 'reason' in memory) return null;
  const uses = [...memory.output.matchAll(/^(GPU-[\w-]+), *(\d{1,9})$/gm)];
  return {
    pids: [...processes.output.matchAll(/^(\d{1,10})$/gm)].map(([pid]) => Number(pid)),
    memoryMiB: new Map(uses.map(([, uuid, used]) => [uuid as string, Number(used)])),
  };
}

type Answer = { readonly output: string } | { readonly reason: string };

/** Waits no longer than it says, also for a program that cannot be killed, or whose children hold its output open. */
async function askNvidiaSmi(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Answer> {
  const child = execa('nvidia-smi', args, {
    env: environment,
    extendEnv: false,
    detached: true,
    reject: false,
    stdin: 'ignore',
    maxBuffer: 1 << 20,
  });
  const timer = new AbortController();
  const late = delay(surveyTimeout, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
  const answer = await Promise.race([child, late]);
  timer.abort();
  if (answer === 'late') {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    for (const pipe of [child.stdout, child.stderr]) pipe.destroy();
    child.unref();
    return { reason: `nvidia-smi did not answer within ${surveyTimeout / 1000} s` };
  }
  if (answer.code === 'ENOENT') return { reason: 'nvidia-smi is not installed' };
  if (!answer.failed) return { output: answer.stdout };
  const said = (answer.stderr || answer.stdout).trim().split('\n')[0];
  return { reason: `nvidia-smi failed${said ? `: ${said}` : ` (${answer.shortMessage})`}` };
}

/** Reads `nvidia-smi`'s CSV; a line that is not understood makes the whole answer untrusted. */
export function parseGpuList(csv: string): GpuSurvey {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  const gpus: Gpu[] = [];
  for (const line of lines) {
    const parsed = gpuLine.safeParse(line.split(',').map((cell) => cell.trim()));
    if (!parsed.success) return none(`nvidia-smi printed a line that is not understood: ${line.slice(0, 80)}`);
    const [index, uuid, name, memory] = parsed.data;
    gpus.push({ index: Number(index), uuid, name, memoryMiB: Number(memory) || 0 });
  }
  return gpus.length === 0 ? none('nvidia-smi lists no GPU') : { gpus };
}

const gpuLine = z.tuple([
  z.string().regex(/^\d{1,4}$/),
  z.string().regex(/^GPU-[\w-]+$/),
  z.string().min(1),
  // Some integrated GPUs answer `[N/A]`.
  z.string(),
]);

function none(reason: string): GpuSurvey {
  return { gpus: [], reason };
}
