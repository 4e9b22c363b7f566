import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';
import { ADDON, BUILD_FILE, type Build, buildsFolder, readBuild } from './builds.ts';
import { type Compiler, compile, findCompiler } from './compiler.ts';
import { findTorch, type Torch } from './find-torch.ts';
import { findNodeHeaders } from './node-headers.ts';
import { removeOldBuilds } from './old-builds.ts';
import { processorKey } from './processor.ts';
import { type AddonSources, addonSources } from './sources.ts';

export interface BuildOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Where Debian's packages have their files. */
  readonly system?: string;
  /** Whether to build again what is there already. */
  readonly force?: boolean;
  /** Told what is being done, for people. */
  readonly onProgress?: (what: string) => void;
}

const SELF_TEST_SECONDS = 120;
const MOST_PARTS = 4;

/**
 * Compiles the engine torch against the PyTorch that is found, tries it in a process of its own, and puts it into the
 * cache as a whole. A build of the same sources against the same PyTorch is kept.
 *
 * @throws ENVIRONMENT_BUILD where something is missing, ENGINE_BUILD where the compiler or the trial fails,
 *   ENVIRONMENT_WRITE where the cache cannot be written.
 */
export async function buildTorchAddon(options: BuildOptions = {}): Promise<Build & { readonly isNew: boolean }> {
  const { environment = process.env, force = false, onProgress = () => {} } = options;
  if (process.platform !== 'linux') {
    throw new IncubateError(
      'ENVIRONMENT_BUILD',
      `the engine torch is built on Linux, and this is ${process.platform}`,
      {
        hint: 'Use --engine cpu or --engine webgpu.',
      },
    );
  }
  const sources = await addonSources();
  const torch = await findTorch(options);
  const headers = findNodeHeaders(options);
  const compiler = await findCompiler(environment);
  const folder = join(buildsFolder(sources, environment), `torch-${torch.version}-${keyOf(torch, compiler)}`);
  const known = force ? undefined : await readBuild(folder);
  if (known) return { ...known, isNew: false };
  const place = await writable(folder);
  try {
    onProgress(`compiling for PyTorch ${torch.version} (${torch.origin}) with ${compiler.command}`);
    await compileAddon(sources, torch, compiler, headers, place, environment);
    if (torch.hasCuda && torch.cudaIncludes.length === 0) {
      onProgress("CUDA's headers are missing, so steps are not recorded as CUDA graphs: set CUDA_HOME to get them");
    }
    onProgress('trying it');
    await selfTest(sources, join(place, ADDON), environment);
    const { version, origin, libraries } = torch;
    const build = {
      torch: version,
      origin,
      libraries,
      compiler: compiler.version,
      processor: processorKey(),
      builtAt: Date.now(),
    };
    await writeFile(join(place, BUILD_FILE), `${JSON.stringify(build, null, 2)}\n`);
    // What another process has built meanwhile may be in use already.
    if (force || !(await readBuild(folder))) await rm(folder, { recursive: true, force: true });
    await rename(place, folder).catch((error: unknown) => {
      if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    });
    for (const old of await removeOldBuilds(sources, environment))
      onProgress(`removed ${old}, which nobody used any more`);
    return { ...build, addon: join(folder, ADDON), isNew: true };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function keyOf(torch: Torch, compiler: Compiler): string {
  return createHash('sha256')
    .update(JSON.stringify([torch, compiler, processorKey()]))
    .digest('hex')
    .slice(0, 12);
}

/** A new folder beside the one that the build will be in. */
async function writable(folder: string): Promise<string> {
  try {
    await mkdir(dirname(folder), { recursive: true });
    return await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  } catch (error) {
    throw new IncubateError(
      'ENVIRONMENT_WRITE',
      `the cache ${dirname(folder)} cannot be written: ${messageOf(error)}`,
      {
        hint: 'Set INCUBATE_CACHE_DIR to a folder that can be written.',
        cause: error,
      },
    );
  }
}

async function compileAddon(
  { folder, units }: AddonSources,
  torch: Torch,
  compiler: Compiler,
  headers: string,
  place: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const flags = [
    ...[
      `-std=c++${torch.standard}`,
      '-O3',
      '-march=native',
      '-fno-math-errno',
      '-fno-trapping-math',
      '-fPIC',
      '-fopenmp',
      '-fvisibility=hidden',
      '-DNAPI_VERSION=8',
      '-w',
    ],
    `-D_GLIBCXX_USE_CXX11_ABI=${torch.cxx11Abi ? 1 : 0}`,
    ...['-isystem', headers],
    ...(torch.cudaIncludes.length > 0 ? ['-DINCUBATE_CUDA'] : []),
    ...[...torch.includes, ...torch.cudaIncludes].flatMap((include) =>
      include === '/usr/include' ? [] : ['-isystem', include],
    ),
  ];
  const parts = await writeParts(folder, units, place);
  const objects = parts.map((part) => part.replace(/\.cc$/, '.o'));
  await Promise.all(
    parts.map((part, index) =>
      compile(compiler, [...flags, '-c', part, '-o', objects[index] as string], 'compile it', environment),
    ),
  );
  const cuda = torch.hasCuda ? ['-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda', '-Wl,--as-needed'] : [];
  const search = [`-L${torch.libraries}`, `-Wl,-rpath,${torch.libraries}`, '-Wl,--disable-new-dtags'];
  const libraries = [...search, torch.openmp ?? '-lgomp', '-ltorch_cpu', '-lc10', ...cuda];
  await compile(compiler, ['-shared', '-o', join(place, ADDON), ...objects, ...libraries], 'link it', environment);
  await Promise.all([...parts, ...objects].map((path) => rm(path)));
}

/** Reading the headers of PyTorch takes most of the time, so units are joined to as many as are compiled at a time. */
async function writeParts(folder: string, units: readonly string[], place: string): Promise<string[]> {
  const count = Math.min(availableParallelism(), MOST_PARTS);
  const parts = Array.from({ length: count }, (_, part) => units.filter((_, index) => index % count === part));
  return Promise.all(
    parts.map(async (names, part) => {
      const path = join(place, `part-${part}.cc`);
      await writeFile(path, names.map((name) => `#include "${join(folder, name)}"\n`).join(''));
      return path;
    }),
  );
}

async function selfTest({ folder }: AddonSources, addon: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const result = await execa(process.execPath, [join(folder, 'self-test.cjs'), addon], {
    env: environment,
    extendEnv: false,
    reject: false,
    timeout: SELF_TEST_SECONDS * 1000,
  });
  if (result.exitCode === 0) return;
  const lines = String(result.stderr).trim().split('\n');
  const reason = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? result.shortMessage;
  throw new IncubateError('ENGINE_BUILD', `the engine torch was compiled but does not work: ${reason}`, {
    hint: 'Headers and libraries may be of different versions: install PyTorch again, or set LIBTORCH to another one.',
  });
}
