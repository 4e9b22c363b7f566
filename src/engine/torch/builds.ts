import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { processorKey } from './processor.ts';
import type { AddonSources } from './sources.ts';

export const ADDON = 'incubate_torch.node';
export const BUILD_FILE = 'build.json';

const buildSchema = z.object({
  torch: z.string(),
  origin: z.string(),
  libraries: z.string(),
  compiler: z.string(),
  /** Of the machine that it was compiled on. */
  processor: z.string(),
  /** Milliseconds since 1970. */
  builtAt: z.number(),
});

/** An addon that was built and passed its test. */
export type Build = z.output<typeof buildSchema> & { readonly addon: string };

/** Where what can be made again is kept. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache');
  return environment.INCUBATE_CACHE_DIR || join(base, 'incubate');
}

/** The folder of all builds of these sources for this Node. */
export function buildsFolder({ hash }: AddonSources, environment?: NodeJS.ProcessEnv): string {
  const node = `${process.platform}-${process.arch}-node${process.versions.modules}`;
  return join(cacheFolder(environment), 'torch', `${node}-${hash}`);
}

/** A build that is there as a whole, or nothing. */
export async function readBuild(folder: string): Promise<Build | undefined> {
  const addon = join(folder, ADDON);
  if (!existsSync(addon)) return undefined;
  try {
    return { ...buildSchema.parse(JSON.parse(await readFile(join(folder, BUILD_FILE), 'utf8'))), addon };
  } catch {
    return undefined;
  }
}

/** The build to use: the latest that was made for this processor, of those with the libraries in LIBTORCH where that is set. */
export async function findBuild(
  sources: AddonSources,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Build | undefined> {
  const folder = buildsFolder(sources, environment);
  const names = await readdir(folder).catch(() => []);
  const builds = await Promise.all(names.map((name) => readBuild(join(folder, name))));
  const { LIBTORCH } = environment;
  const processor = processorKey();
  const usable = builds
    .filter((build) => build !== undefined)
    .filter((build) => build.processor === processor)
    .filter(({ libraries }) => existsSync(join(libraries, 'libtorch_cpu.so')))
    .filter(({ libraries }) => !LIBTORCH || resolve(libraries).startsWith(resolve(LIBTORCH)));
  return usable.sort((a, b) => b.builtAt - a.builtAt)[0];
}
