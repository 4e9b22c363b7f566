import { chmod, mkdir, mkdtemp, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../../src/engine/torch/addon.ts';
import { buildTorchAddon } from '../../../src/engine/torch/build.ts';
import { ADDON, BUILD_FILE, buildsFolder, findBuild } from '../../../src/engine/torch/builds.ts';
import { findTorch } from '../../../src/engine/torch/find-torch.ts';
import { findNodeHeaders } from '../../../src/engine/torch/node-headers.ts';
import { noteUse, removeOldBuilds } from '../../../src/engine/torch/old-builds.ts';
import { addonSources } from '../../../src/engine/torch/sources.ts';
import { runCli } from '../../support/cli.ts';
import { torchTest } from '../../support/torch.ts';

const folder = (name: string) => mkdtemp(join(tmpdir(), `torch ${name} `));

/** A folder that has headers and libraries of PyTorch by their names. */
async function pretendTorch(version: readonly number[], abi = 'NSt7__cxx1112basic_string'): Promise<string> {
  const root = await folder('pretended');
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const defines = ['MAJOR', 'MINOR', 'PATCH'].map((part, at) => `#define TORCH_VERSION_${part} ${version[at]}`);
  await write('include/ATen/ATen.h', '#error pretended\n');
  await write('include/torch/csrc/api/include/torch/version.h', `${defines.join('\n')}\n`);
  await write('lib/libtorch_cpu.so', '');
  await write('lib/libc10.so', `\0_ZN3c105ErrorC1E${abi}\0`);
  return root;
}

/** A PATH with these programs of the machine and no others. */
async function pathWith(...programs: string[]): Promise<string> {
  const path = await folder('path');
  for (const program of programs) {
    const { stdout } = await execa('sh', ['-c', `command -v ${program}`]);
    await symlink(stdout, join(path, program));
  }
  return path;
}

describe('PyTorch is found', () => {
  test('in the folder that LIBTORCH names, with its version and C++ ABI', async () => {
    const root = await pretendTorch([2, 7, 1]);
    expect(await findTorch({ environment: { ...process.env, LIBTORCH: root } })).toEqual({
      origin: 'LIBTORCH',
      version: '2.7.1',
      includes: [join(root, 'include'), join(root, 'include/torch/csrc/api/include')],
      libraries: join(root, 'lib'),
      cxx11Abi: true,
      standard: 17,
      hasCuda: false,
      cudaIncludes: [],
      openmp: null,
    });
    const old = await pretendTorch([2, 1, 0], 'Ss');
    expect(await findTorch({ environment: { ...process.env, LIBTORCH: old } })).toMatchObject({ cxx11Abi: false });
  });

  test('also where its version stands in another header, as since 2.9', async () => {
    const root = await pretendTorch([2, 9, 1]);
    const header = join(root, 'include/torch/headeronly/version.h');
    await mkdir(dirname(header), { recursive: true });
    await rename(join(root, 'include/torch/csrc/api/include/torch/version.h'), header);
    expect(await findTorch({ environment: { ...process.env, LIBTORCH: root } })).toMatchObject({ version: '2.9.1' });
  });

  test('where python3 imports it, before that of the system', async () => {
    const path = await folder('python');
    const packages = await pretendTorch([2, 4, 0]);
    const python = `#!/bin/sh\necho ${packages.replaceAll(' ', '\\ ')}/__init__.py\n`;
    await writeFile(join(path, 'python3'), python);
    await chmod(join(path, 'python3'), 0o755);
    const environment = { PATH: `${path}:${process.env.PATH}` };
    expect(await findTorch({ environment })).toMatchObject({ origin: 'python3', version: '2.4.0' });
  });

  test.each([
    ['LIBTORCH is /nowhere, where there is no include', { LIBTORCH: '/nowhere' }, /unset it/],
    ['are missing: LIBTORCH is not set, python3 imports no torch, and libtorch-dev is not', {}, /pip install torch/],
  ])('or not: %s', async (message, variables, hint) => {
    const environment = { PATH: await pathWith('sh'), ...variables };
    await expect(buildTorchAddon({ environment, system: await folder('system') })).rejects.toMatchObject({
      code: 'ENVIRONMENT_BUILD',
      message: expect.stringContaining(message),
      hint: expect.stringMatching(hint),
    });
  });

  test('too old', async () => {
    const environment = { ...process.env, LIBTORCH: await pretendTorch([1, 12, 1]) };
    await expect(findTorch({ environment })).rejects.toMatchObject({
      code: 'ENVIRONMENT_BUILD',
      message: 'the PyTorch of LIBTORCH is 1.12.1; 1.13 or later is needed',
    });
  });
});

describe("CUDA's headers are found", () => {
  /** A PyTorch with CUDA, the folder of its Python packages, and a system with some headers. */
  async function withCuda(...headers: readonly string[]) {
    const root = await folder('site packages');
    const torch = await pretendTorch([2, 7, 0]);
    await rename(torch, join(root, 'torch'));
    const touch = async (path: string) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), '');
    };
    for (const path of ['torch/lib/libtorch_cuda.so', ...headers]) await touch(path);
    const environment = { ...process.env, LIBTORCH: join(root, 'torch'), CUDA_HOME: '', CUDA_PATH: '' };
    const find = (more: NodeJS.ProcessEnv = {}) =>
      findTorch({ environment: { ...environment, ...more }, system: join(root, 'usr') });
    return { root, find };
  }
  const ofPip = ['nvidia/cuda_runtime/include/cuda.h', 'nvidia/cuda_runtime/include/cuda_runtime_api.h'];
  const ofSystem = ['usr/local/cuda/include/cuda.h', 'usr/local/cuda/include/cuda_runtime_api.h'];
  const ofHome = ['home/include/cuda.h', 'home/include/cuda_runtime_api.h'];

  test('in CUDA_HOME, before those of pip beside torch, before those of the system', async () => {
    const { root, find } = await withCuda(...ofPip, 'nvidia/cublas/include/cublas_v2.h', ...ofSystem, ...ofHome);
    const pips = [join(root, 'nvidia/cublas/include'), join(root, 'nvidia/cuda_runtime/include')];
    expect(await find()).toMatchObject({ hasCuda: true, cudaIncludes: pips });
    const CUDA_HOME = join(root, 'home');
    expect(await find({ CUDA_HOME })).toMatchObject({ cudaIncludes: [join(CUDA_HOME, 'include')] });
    // One that has none is passed over.
    expect(await find({ CUDA_HOME: join(root, 'nowhere') })).toMatchObject({ cudaIncludes: pips });
    const system = await withCuda(...ofSystem);
    expect(await system.find()).toMatchObject({ cudaIncludes: [join(system.root, 'usr/local/cuda/include')] });
  });

  test('or not, or not all of them', async () => {
    const { find } = await withCuda(...ofPip.slice(0, 1));
    expect(await find()).toMatchObject({ hasCuda: true, cudaIncludes: [] });
  });

  test('and headers that refuse an older C++ are compiled as the newer', async () => {
    const root = await pretendTorch([2, 14, 1]);
    await writeFile(
      join(root, 'include/ATen/ATen.h'),
      '#if !defined(_MSC_VER) && __cplusplus < 202002L\n#error\n#endif\n',
    );
    expect(await findTorch({ environment: { ...process.env, LIBTORCH: root } })).toMatchObject({ standard: 20 });
    await writeFile(
      join(root, 'include/ATen/ATen.h'),
      '#if !defined(_MSC_VER) && __cplusplus < 201402L\n#error\n#endif\n',
    );
    expect(await findTorch({ environment: { ...process.env, LIBTORCH: root } })).toMatchObject({ standard: 17 });
  });
});

describe('a build fails', () => {
  test('without a compiler', async () => {
    const environment = { PATH: await pathWith('sh', 'ldd'), LIBTORCH: await pretendTorch([2, 7, 0]) };
    await expect(buildTorchAddon({ environment })).rejects.toMatchObject({
      code: 'ENVIRONMENT_BUILD',
      message: expect.stringMatching(/no C\+\+ compiler/),
      hint: expect.stringMatching(/apt-get install g\+\+/),
    });
    const named = { ...environment, CXX: '/nowhere/c++' };
    await expect(buildTorchAddon({ environment: named })).rejects.toMatchObject({
      code: 'ENVIRONMENT_BUILD',
      message: 'CXX is /nowhere/c++, which cannot be run',
    });
  });

  test("without Node's headers", async () => {
    const options = {
      executable: await folder('elsewhere'),
      system: await folder('system'),
      environment: { HOME: '/nowhere' },
    };
    expect(() => findNodeHeaders(options)).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_BUILD', hint: expect.stringMatching(/npx node-gyp install/) }),
    );
  });

  test('with the first error of the compiler, and leaves nothing behind', async () => {
    const cache = await folder('cache');
    const environment = { ...process.env, LIBTORCH: await pretendTorch([2, 7, 0]), INCUBATE_CACHE_DIR: cache };
    const { exitCode, stdout, stderr } = await runCli(['engine', 'build', 'torch'], { env: environment });
    expect(stderr).toMatch(/error: \S+ cannot compile it: .*(error|fatal)/);
    expect(stderr).toMatch(/code: ENGINE_BUILD/);
    expect([stdout, exitCode]).toEqual(['', 4]);
    expect(await readdir(buildsFolder(await addonSources(), environment))).toEqual([]);
    await expect(loadAddon(environment)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: 'it has not been built on this machine',
    });
  });

  test('where the cache cannot be written', async () => {
    const root = await pretendTorch([2, 7, 0]);
    const environment = {
      ...process.env,
      LIBTORCH: root,
      INCUBATE_CACHE_DIR: join(root, 'lib/libc10.so'),
    };
    await expect(buildTorchAddon({ environment })).rejects.toMatchObject({
      code: 'ENVIRONMENT_WRITE',
      hint: expect.stringMatching(/INCUBATE_CACHE_DIR/),
    });
  });
});

/** A folder of builds in a cache, last used some days ago. */
async function pretendBuild(cache: string, name: string, days: number): Promise<void> {
  const build = join(cache, 'torch', name, 'torch-2.7.0-abc');
  await mkdir(build, { recursive: true });
  await writeFile(join(build, ADDON), '');
  await writeFile(join(build, BUILD_FILE), '{}');
  const used = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
  for (const path of [join(build, BUILD_FILE), build, dirname(build)]) await utimes(path, used, used);
}

describe('old builds', () => {
  const [ours, other, another] = ['0123456789abcdef', 'fedcba9876543210', '00112233445566aa'];
  const sources = { folder: '', units: [], hash: ours };

  test('of other sources are removed a month after their last use, and nothing else', async () => {
    const environment = { INCUBATE_CACHE_DIR: await folder('cache') };
    const { INCUBATE_CACHE_DIR: cache } = environment;
    const [old, recent] = [`linux-x64-node115-${other}`, `linux-x64-node115-${another}`];
    const kept = [recent, `linux-x64-node115-${ours}`, `linux-x64-node127-${ours}`, 'notes'];
    await pretendBuild(cache, old, 31);
    await pretendBuild(cache, recent, 29);
    for (const name of kept.slice(1)) await pretendBuild(cache, name, 400);
    expect(await removeOldBuilds(sources, environment)).toEqual([join(cache, 'torch', old)]);
    expect((await readdir(join(cache, 'torch'))).sort()).toEqual([...kept].sort());
  });

  test('are as new as their last use', async () => {
    const environment = { INCUBATE_CACHE_DIR: await folder('cache') };
    const name = `linux-x64-node115-${other}`;
    await pretendBuild(environment.INCUBATE_CACHE_DIR, name, 400);
    await noteUse(join(environment.INCUBATE_CACHE_DIR, 'torch', name, 'torch-2.7.0-abc', ADDON));
    expect(await removeOldBuilds(sources, environment)).toEqual([]);
  });
});

torchTest('a build is kept: the same sources and PyTorch are not compiled again', async () => {
  const known = await findBuild(await addonSources());
  expect(await buildTorchAddon()).toEqual({ ...known, isNew: false });
  const { stdout, exitCode } = await runCli(['engine', 'build', 'torch']);
  expect(stdout).toMatch(/^torch \d+\.\d+\.\d+ \(.+\): built already, .+\.node$/m);
  expect(exitCode).toBe(0);
});
