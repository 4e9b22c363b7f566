import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface FindCudaOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly system: string;
  /** The folder with PyTorch's headers. */
  readonly include: string;
}

/** The headers that those of PyTorch for CUDA include. */
const NEEDED = ['cuda_runtime_api.h', 'cuda.h'];

/**
 * Folders with the headers of CUDA: those of CUDA_HOME or CUDA_PATH, else those that pip installed beside PyTorch, else those
 * of the system. None where there are none.
 */
export async function findCudaHeaders({ environment, system, include }: FindCudaOptions): Promise<readonly string[]> {
  const named = [environment.CUDA_HOME, environment.CUDA_PATH].filter(
    (folder) => folder !== undefined && folder !== '',
  );
  const candidates = [
    ...named.map((folder) => [join(folder as string, 'include')]),
    await installedByPip(join(include, '../../nvidia')),
    [join(system, 'local/cuda/include')],
    [join(system, 'include')],
  ];
  const isWhole = (folders: readonly string[]) =>
    NEEDED.every((header) => folders.some((folder) => existsSync(join(folder, header))));
  return candidates.find(isWhole) ?? [];
}

/** `nvidia/cuda_runtime/include`, `nvidia/cublas/include` and so on, or `nvidia/cu13/include`. */
async function installedByPip(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .sort()
    .map((name) => join(folder, name, 'include'))
    .filter((include) => existsSync(include));
}
