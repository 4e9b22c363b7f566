import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUILD_FILE, cacheFolder } from './builds.ts';
import type { AddonSources } from './sources.ts';

/** Builds of other sources that no process has loaded for so long are removed. */
export const KEPT_DAYS = 30;

const DAY = 24 * 60 * 60 * 1000;

/** The folder of all builds of some sources for some Node, as `buildsFolder` names it. */
const isBuilds = /^\w+-\w+-node\d+-(?<hash>[0-9a-f]{16})$/;

/** Marks a build as one that is used: its file is as new as its last use. A cache that cannot be written to stays as it is. */
export async function noteUse(addon: string, now = new Date()): Promise<void> {
  await utimes(join(dirname(addon), BUILD_FILE), now, now).catch(() => {});
}

/**
 * Removes builds of other sources that were not used for {@link KEPT_DAYS} days; those of these sources are kept, for whatever
 * Node and PyTorch. Returns the folders that were removed. Failures are passed over: it is a cache.
 */
export async function removeOldBuilds(
  { hash }: AddonSources,
  environment?: NodeJS.ProcessEnv,
  now = Date.now(),
): Promise<string[]> {
  const root = join(cacheFolder(environment), 'torch');
  const removed: string[] = [];
  for (const name of await readdir(root).catch(() => [])) {
    const found = isBuilds.exec(name)?.groups?.hash;
    const folder = join(root, name);
    if (found === undefined || found === hash || now - (await lastUse(folder)) < KEPT_DAYS * DAY) continue;
    await rm(folder, { recursive: true, force: true }).then(
      () => removed.push(folder),
      () => {},
    );
  }
  return removed;
}

/** Milliseconds since 1970 of the last time that one of the builds was made or loaded. */
async function lastUse(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const files = [folder, ...names.map((name) => join(folder, name, BUILD_FILE))];
  const times = files.map((path) =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    ),
  );
  return Math.max(...(await Promise.all(times)));
}
