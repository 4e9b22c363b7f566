import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { IncubateError } from '../../util/errors.ts';
import { findCudaHeaders } from './find-cuda.ts';

/** A PyTorch of which headers and libraries are there. */
export interface Torch {
  /** Where it comes from, for people: `pip's torch`. */
  readonly origin: string;
  readonly version: string;
  readonly includes: readonly string[];
  readonly libraries: string;
  /** The value of _GLIBCXX_USE_CXX11_ABI that it was compiled with. */
  readonly cxx11Abi: boolean;
  /** The C++ that its headers are written in: 17 or 20. */
  readonly standard: number;
  readonly hasCuda: boolean;
  /** Folders with the headers of CUDA, where it computes with CUDA and they were found. */
  readonly cudaIncludes: readonly string[];
  /** OpenMP's run-time library that it brings; the system's where null. */
  readonly openmp: string | null;
}

export interface FindTorchOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Where Debian's package has its files. */
  readonly system?: string;
}

/** The oldest version whose headers the addon compiles with. */
const OLDEST = [1, 13] as const;

const triplets: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

const install =
  'Run `pip install torch`, or `apt-get install libtorch-dev` on Debian, or unpack libtorch from pytorch.org and set LIBTORCH to its folder.';

/**
 * Finds PyTorch: the folder that LIBTORCH names, else the one that `python3` imports, else that of Debian's libtorch-dev.
 *
 * @throws ENVIRONMENT_BUILD where there is none, LIBTORCH names something else, or it is too old.
 */
export async function findTorch({ environment = process.env, system = '/usr' }: FindTorchOptions = {}): Promise<Torch> {
  const { LIBTORCH } = environment;
  const torchAt = (origin: string, include: string, libraries: string) =>
    torchIn({ origin, include, libraries, environment, system });
  if (LIBTORCH) {
    const found = await torchAt('LIBTORCH', join(LIBTORCH, 'include'), join(LIBTORCH, 'lib'));
    if (found) return found;
    throw new IncubateError(
      'ENVIRONMENT_BUILD',
      `LIBTORCH is ${LIBTORCH}, where there is no include/ATen/ATen.h or no lib/libtorch_cpu.so`,
      { hint: 'Set it to the folder of an unpacked libtorch, or unset it to use what python3 imports.' },
    );
  }
  const imported = await importedByPython(environment);
  const folders: [string, string, string][] = [
    ...(imported
      ? ([['python3', join(imported, 'include'), join(imported, 'lib')]] as [string, string, string][])
      : []),
    ['libtorch-dev', join(system, 'include'), join(system, 'lib', triplets[process.arch] ?? '')],
  ];
  for (const [origin, include, libraries] of folders) {
    const found = await torchAt(origin, include, libraries);
    if (found) return found;
  }
  const python = imported ? `python3 imports torch from ${imported}, which has no headers` : 'python3 imports no torch';
  throw new IncubateError(
    'ENVIRONMENT_BUILD',
    `PyTorch's headers and libraries are missing: LIBTORCH is not set, ${python}, and libtorch-dev is not installed`,
    { hint: install },
  );
}

/** The folder of the module torch, without importing it, which takes seconds. */
async function importedByPython(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const program = 'import importlib.util as u; s = u.find_spec("torch"); print(s.origin if s else "")';
  const { stdout, exitCode } = await execa('python3', ['-c', program], {
    env: environment,
    extendEnv: false,
    reject: false,
    timeout: 30_000,
  });
  const origin = typeof stdout === 'string' ? stdout.trim() : '';
  return exitCode === 0 && origin !== '' ? dirname(origin) : undefined;
}

interface Place {
  readonly origin: string;
  readonly include: string;
  readonly libraries: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly system: string;
}

async function torchIn({ origin, include, libraries, ...machine }: Place): Promise<Torch | undefined> {
  const library = join(libraries, 'libtorch_cpu.so');
  if (!existsSync(join(include, 'ATen/ATen.h')) || !existsSync(library)) return undefined;
  const api = join(include, 'torch/csrc/api/include');
  // Since 2.9 the one includes the other.
  const version = await versionOf(join(api, 'torch/version.h'), join(include, 'torch/headeronly/version.h'));
  const [major, minor] = version.split('.').map(Number) as [number, number];
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new IncubateError('ENVIRONMENT_BUILD', `the PyTorch of ${origin} is ${version}; 1.13 or later is needed`, {
      hint: install,
    });
  }
  const hasCuda = existsSync(join(libraries, 'libtorch_cuda.so'));
  return {
    origin,
    version,
    includes: [include, api],
    libraries,
    cxx11Abi: (await readFile(join(libraries, 'libc10.so'))).includes('NSt7__cxx1112basic_string'),
    standard: await standardOf(join(include, 'ATen/ATen.h')),
    hasCuda,
    cudaIncludes: hasCuda ? await findCudaHeaders({ ...machine, include }) : [],
    openmp: await bundledOpenmp(library),
  };
}

/** Newer headers refuse compilers that are told of an older C++ than they need; the addon needs 17. */
async function standardOf(header: string): Promise<number> {
  const refused = /__cplusplus < 20(\d\d)/.exec(await readFile(header, 'utf8'))?.[1];
  return Math.max(17, Number(refused ?? 17));
}

async function versionOf(...headers: readonly string[]): Promise<string> {
  const texts = await Promise.all(headers.filter((path) => existsSync(path)).map((path) => readFile(path, 'utf8')));
  const text = texts.join('\n');
  const part = (name: string) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '0';
  return `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** pip's torch has an OpenMP of its own, under a name of its own; a second one in the process would fight it for cores. */
async function bundledOpenmp(library: string): Promise<string | null> {
  const { stdout } = await execa('ldd', [library], { reject: false });
  const path = /^\s*lib[gi]omp\S* => (\S+)/m.exec(typeof stdout === 'string' ? stdout : '')?.[1];
  return path === undefined || /\/libgomp\.so\.1$/.test(path) ? null : path;
}
