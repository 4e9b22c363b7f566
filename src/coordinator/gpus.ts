import { execa } from 'execa';
import { z } from 'zod';

/** A graphics card as `nvidia-smi` names it; indices follow the PCI bus. */
export interface Gpu {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB: number;
}

/** The GPUs that were found, or why there are none. */
export interface GpuSurvey {
  readonly gpus: readonly Gpu[];
  readonly reason?: string;
}

const surveyTimeout = 5_000;
const fields = 'index,uuid,name,memory.total';

/** Asks `nvidia-smi` for the machine's GPUs. Never throws: a missing, failing or hanging program means none. */
export async function surveyGpus(environment: NodeJS.ProcessEnv = process.env): Promise<GpuSurvey> {
  const answer = await execa('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'], {
    env: environment,
    extendEnv: false,
    timeout: surveyTimeout,
    forceKillAfterDelay: 500,
    reject: false,
    stdin: 'ignore',
    maxBuffer: 1 << 20,
  });
  if (answer.timedOut) return none(`nvidia-smi did not answer within ${surveyTimeout / 1000} s`);
  if (answer.code === 'ENOENT') return none('nvidia-smi is not installed');
  if (answer.failed) {
    const said = (answer.stderr || answer.stdout).trim().split('\n')[0];
    return none(`nvidia-smi failed${said ? `: ${said}` : ` (${answer.shortMessage})`}`);
  }
  return parseGpuList(answer.stdout);
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
